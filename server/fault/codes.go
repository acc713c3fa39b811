package fault

// A Meaning is a code and what it says to whoever calls the API or reads it at
// the foot of a page.
type Meaning struct {
	Code Code
	Text string
}

// Codes returns every code, in the order of the documentation.
func Codes() []Meaning {
	return []Meaning{
		{Invalid, "A value can't be used as it is. The detail says why."},
		{NotFound, "There is nothing at this URL or with this id, or the caller may not see it."},
		{MethodNotAllowed, "The URL exists, but not for this method."},
		{Gone, "The link or download has expired, has been used, or was revoked."},
		{Conflict, "The request doesn't fit the current state, for example because something exists already."},
		{TooLarge, "The request is too large."},
		{UnsupportedMedia, "The request has a content type that isn't accepted here."},
		{Limited, "There were too many requests. Retry-After says how long to wait."},
		{PasswordRefused, "The request has a field for a password. Nothing was stored: there is no place for passwords of mailboxes here."},
		{AgreementMissing, "The person hasn't agreed to the consent text."},
		{VariantNotOffered, "The domain doesn't offer this variant, which is mail with or without a device policy."},
		{MacPolicyNeedsMDM, "A Mac accepts a passcode policy only from device management (MDM)."},
		{AddressMalformed, "The value isn't a complete mail address."},
		{AddressForeign, "The address doesn't belong to a domain that is set up here, or that the request is for."},
		{HiddenCharacters, "The text has a character that shows nothing or only looks like a space, or a blank at an end. Type it again."},
		{NameInvalid, "The name is longer than 64 characters, or has a web address or a long number in it."},
		{VariantUnknown, "There is no such variant."},
		{PlatformUnknown, "There is no such platform."},
		{ScopeUnknown, "There is no such scope, or none was given."},
		{Unauthorized, "The request needs a valid session or API key."},
		{Forbidden, "The caller's role or API key doesn't allow this."},
		{UnknownField, "The request has a field that this operation doesn't have."},
		{FormMalformed, "The request can't be parsed."},
		{SettingsChanged, "The settings that the list of a batch was checked by have changed since. Check it again."},
		{SignerUnavailable, "No profile can be signed at the moment. Nothing was changed; try again later."},
		{LogKeyUnavailable, "The action log's key was replaced, and this server doesn't have the new one yet. Nothing was changed; try again later."},
		{PolicyUnknown, "The account has no policy with this name."},
		{LoginNeeded, "The domain's user names can't be derived from the addresses, so the login has to be given."},
		{PlatformOff, "The domain doesn't offer profiles for this platform."},
		{HostUnapproved, "An owner of the account has not approved this server for its domains."},
		{ErasingUnapproved, "API keys may not have devices erase themselves in this account."},
		{DomainUnproven, "The DNS record that proves control of the domain wasn't found."},
		{SignInRefused, "The sign-in was refused. Nothing says which part was wrong, so that guesses learn nothing."},
		{ConfirmationNeeded, "The operation requires that the second factor was confirmed recently."},
		{PasswordWeak, "The password is too short or too easy to guess."},
		{CodeWrong, "The one-time code is wrong or has been used."},
		{PasskeyRefused, "The passkey wasn't accepted."},
		{LastFactor, "It's the last second factor. Add another one before you remove it."},
		{CrossOrigin, "The form was sent from another site, so nothing was done."},
		{AccountSuspended, "The account is suspended."},
		{RepeatDiffers, "The Idempotency-Key was used for a different request."},
		{RedirectInvalid, "The redirect that a hosting panel signed can't be used. The field names the part that is wrong."},
		{RedirectExpired, "The redirect that a hosting panel signed has expired."},
		{RedirectUsed, "The redirect that a hosting panel signed has been used."},
		{StorageFull, "Nothing can be stored, because there is no space left."},
		{DatabaseUnavailable, "The database can't be reached, is locked or is damaged."},
		{PreconditionFailed, "The resource has changed since the state that If-Match names. Nothing was changed."},
		{Internal, "The service failed. Its log has the cause."},
	}
}
