package audit

// Names lists all names, grouped by object.
func Names() []Name {
	return []Name{
		DomainCreate, DomainUpdate, DomainDelete, DomainRequest, DomainRequestDelete,
		HostApprove, HostWithdraw,
		PolicyCreate, PolicyUpdate, PolicyDelete,
		BrandingUpdate,
		LinkCreate, LinkOpen, LinkUpdate, LinkRevoke, LinkMail, LinkExpire,
		ProfileDownload, ProfileIssue,
		KeyCreate, KeyUpdate, KeyRevoke, KeyExpiring, KeyUnused, KeyNewNetwork,
		RedirectKeyCreate, RedirectKeyUpdate, RedirectKeyDelete,
		AccountCreate, AccountUpdate, AccountSuspend, AccountResume, AccountOpen, AccountLook, AccountLeave,
		InvitationCreate, InvitationRevoke,
		MemberJoin, MemberUpdate, MemberRemove, MemberPassword,
		MemberSignIn, MemberSignOut, MemberConfirm, MemberLanguage, MemberZone,
		TOTPAdd, TOTPRemove, PasskeyAdd, PasskeyRemove, RecoveryCreate, FactorReset,
		SessionRevoke, SessionRevokeAll,
		WebhookCreate, WebhookUpdate, WebhookDelete, WebhookRotate, WebhookTest, WebhookRedeliver, WebhookFailing, WebhookDisable,
		SubscriptionUpdate, SubscriptionTest, SubscriptionRedeliver, IdentityChange, IdentityExpiring,
		IdentityRenew, IdentityRenewFailed, IdentityRequest, IdentityUpload, InstallationRestore, BackupOverdue, SecretRotate,
		BatchCreate, BatchUpdate, BatchStart, BatchFinish, BatchFail, BatchCancel, BatchDelete, BatchDownload, BatchPush,
		DeviceServerConnect, DeviceServerUpdate, DeviceServerDisconnect,
		LogExport, LogErase, LogRetain, LogReplaceKey, LogCheckFailed,
	}
}
