package fault

// A Meaning is a code with its description, for API callers and readers of error
// pages.
type Meaning struct {
	Code Code
	Text string
}

// Codes returns every code, in the order of the documentation.
func Codes() []Meaning {
	return []Meaning{
		{Invalid, "A value can't be used as it is. The detail says why."},
		{NotFound, "There is nothing at this URL or with this ID, or the caller has no access to it."},
		{MethodNotAllowed, "This URL doesn't support this method."},
		{Gone, "The link or download expired, was used or was revoked."},
		{Conflict, "The request conflicts with the current state. For example, something already exists."},
		{TooLarge, "The request is too large."},
		{UnsupportedMedia, "The request's content type isn't accepted here."},
		{Limited, "Too many requests. Retry-After says how long to wait."},
		{PasswordRefused, "The request has a password field. Nothing was stored: this service never accepts mailbox passwords."},
		{AgreementMissing, "The person hasn't agreed to the consent text."},
		{VariantNotOffered, "The domain doesn't offer this variant (mail with or without a passcode policy)."},
		{MacPolicyNeedsMDM, "A Mac only accepts a passcode policy from device management (MDM)."},
		{AddressMalformed, "The value isn't a full email address."},
		{AddressForeign, "The address isn't in a domain that is set up here, or not in the domain of the request."},
		{HiddenCharacters, "The text contains an invisible character, one that only looks like a space, or a space at the start or end. Type it again."},
		{NameInvalid, "The name is longer than 64 characters, or contains a web address or a long number."},
		{VariantUnknown, "There is no such variant."},
		{PlatformUnknown, "There is no such platform."},
		{ScopeUnknown, "There is no such scope, or no scope was given."},
		{Unauthorized, "The request needs a valid session or API key."},
		{Forbidden, "The caller's role or API key doesn't allow this."},
		{UnknownField, "The request has an unknown field."},
		{FormMalformed, "The request can't be parsed."},
		{SettingsChanged, "The settings have changed since the list of the batch was checked. Check it again."},
		{SignerUnavailable, "Profiles can't be signed at the moment. Nothing was changed; try again later."},
		{LogKeyUnavailable, "The action log's key was replaced, and this server doesn't have the new one yet. Nothing was changed. Try again later."},
		{PolicyUnknown, "The account has no such policy."},
		{LoginNeeded, "The domain's usernames can't be derived from addresses. Send the login."},
		{PlatformOff, "The domain doesn't offer profiles for this platform."},
		{HostUnapproved, "No owner of the account has approved this server for its domains."},
		{ErasingUnapproved, "This account doesn't allow API keys to set policies that erase devices."},
		{DomainUnproven, "The DNS record that proves ownership of the domain wasn't found."},
		{SignInRefused, "The sign-in was refused. The response never says which part was wrong."},
		{ConfirmationNeeded, "The operation needs a recent confirmation with a second factor."},
		{PasswordWeak, "The password is too short or too easy to guess."},
		{CodeWrong, "The one-time code is wrong or was already used."},
		{PasskeyRefused, "The passkey wasn't accepted."},
		{LastFactor, "This is the last second factor. Add another one before you remove it."},
		{CrossOrigin, "The form was sent from another site, so nothing was changed."},
		{AccountSuspended, "The account is suspended."},
		{RepeatDiffers, "The Idempotency-Key was used for a different request."},
		{RedirectInvalid, "The signed redirect from a hosting panel isn't valid. The field names the wrong part."},
		{RedirectExpired, "The signed redirect from a hosting panel has expired."},
		{RedirectUsed, "The signed redirect from a hosting panel was already used."},
		{StorageFull, "There is no storage space left."},
		{DatabaseUnavailable, "The database is unreachable, locked or damaged."},
		{PreconditionFailed, "The resource has changed since the version in If-Match. Nothing was changed."},
		{Internal, "The service failed. See its log for the cause."},
	}
}
