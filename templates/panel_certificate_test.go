package templates

import "time"

type (
	certificatePage struct {
		panelFrame
		Form     panelForm
		Signs    certificateView
		Source   string
		Renews   time.Time
		Failed   failedOrder
		Upload   bool
		Checked  certificateView
		Renewals []renewalRow
	}
	certificateView struct {
		Name     string
		Issuers  []string
		NotAfter time.Time
		DaysLeft int
		Fault    string
		Notices  []string
		OtherKey bool
	}
	failedOrder struct {
		Reason, Detail string
		At, Retry      time.Time
	}
	renewalRow struct {
		At          time.Time
		State, Text string
	}
)

// certificateReasons are the reasons why an order may fail, from
// server/certificate.
var certificateReasons = []string{
	"authority_unreachable", "name_not_found", "ports_closed", "wrong_server", "authority_forbidden", "authority_limits", "key_refused", "certificate_unusable",
	"authority_refused", "not_kept",
}

func certificateCases() []panelCase {
	at := "/panel/certificate"
	signs := certificateView{Name: "setup.example.com", Issuers: []string{"CN=E8,O=Let's Encrypt,C=US", "CN=ISRG Root X1,O=Internet Security Research Group,C=US"}, NotAfter: panelNow.AddDate(0, 0, 90), DaysLeft: 90}
	soon := signs
	soon.DaysLeft, soon.NotAfter, soon.Notices = 6, panelNow.AddDate(0, 0, 6), []string{"recent_root", "certificate_unused", "self_signed", "private_root"}
	bad := signs
	bad.DaysLeft, bad.Fault = 0, "signing identity: the certificate expired on 2026-11-01; renew it"
	away := signs
	away.Fault = "signing identity: the signer doesn't answer"
	other := signs
	other.Name, other.OtherKey = "profiles.example.com", true
	rows := []renewalRow{{panelNow, "renewed", ""}, {panelNow, "failed", "Timeout during connect (likely firewall problem)"}, {panelNow, "changed", ""}, {panelNow, "uploaded", ""}}
	cases := []panelCase{
		{name: "certificate", page: "certificate", who: operator, nav: "certificate", path: at, view: certificatePage{Signs: signs, Source: "acme", Renews: panelNow.AddDate(0, 0, 60), Renewals: rows}, done: "certificate.renewing"},
		{name: "certificate-none", page: "certificate", who: operator, nav: "certificate", path: at, view: certificatePage{}},
		{name: "certificate-files", page: "certificate", who: operator, nav: "certificate", path: at, view: certificatePage{Signs: soon, Source: "files"}},
		{name: "certificate-signer", page: "certificate", who: operator, nav: "certificate", path: at, view: certificatePage{Signs: signs, Source: "signer"}},
		{name: "certificate-signer-away", page: "certificate", who: operator, nav: "certificate", path: at, view: certificatePage{Signs: away, Source: "signer"}},
		{name: "certificate-signer-unknown", page: "certificate", who: operator, nav: "certificate", path: at, view: certificatePage{Signs: certificateView{Fault: away.Fault}, Source: "signer"}},
		{name: "certificate-bad", page: "certificate", who: operator, nav: "certificate", path: at, view: certificatePage{Signs: bad, Source: "upload", Upload: true}},
		{name: "certificate-test", page: "certificate", who: operator, nav: "certificate", path: at, view: certificatePage{Signs: signs, Source: "development", Upload: true}},
		{name: "certificate-checked", page: "certificate", who: operator, nav: "certificate", path: at, view: certificatePage{Form: panelForm{"certificates": "-----BEGIN"}, Signs: signs, Source: "upload", Upload: true, Checked: other}, done: "certificate.uploaded"},
		{name: "certificate-problems", page: "certificate", who: operator, nav: "certificate", path: at, view: certificatePage{Signs: signs, Source: "upload", Upload: true}, problems: badFields("certificates", "private_key")},
	}
	for _, reason := range certificateReasons {
		failed := failedOrder{reason, "10.0.0.1: Timeout", panelNow, panelNow.Add(time.Hour)}
		view := certificatePage{Failed: failed}
		if reason == "ports_closed" {
			view = certificatePage{Signs: signs, Source: "acme", Renews: panelNow, Failed: failed}
		}
		cases = append(cases, panelCase{name: "certificate-" + reason, page: "certificate", who: operator, nav: "certificate", path: at, view: view})
	}
	return cases
}
