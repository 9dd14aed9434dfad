-- What the Debian package enables, with what the suites ask for: archive, rooms, open registration. No rate limits.

run_as_root = true
daemonize = false
pidfile = "@FOLDER@/prosody.pid"
data_path = "@FOLDER@/data"
log = { warn = "@FOLDER@/prosody.log" }

modules_enabled = {
	"disco"; "roster"; "saslauth"; "tls";
	"blocklist"; "bookmarks"; "carbons"; "pep"; "private"; "smacks";
	"vcard4"; "vcard_legacy"; "csi_simple"; "mam"; "lastactivity"; "server_contact_info";
	"ping"; "register"; "register_ibr"; "time"; "uptime"; "version";
}
modules_disabled = { "s2s" }
contact_info = { abuse = { "mailto:abuse@example.org" } }

authentication = "internal_hashed"
storage = "internal"
archive_expires_after = "1w"
default_archive_policy = true
allow_registration = true

interfaces = { "@ADDRESS@" }
c2s_ports = { 5222 }
c2s_direct_tls_ports = { 5223 }
http_ports = { }
https_ports = { }
ssl = { key = "@KEY@"; certificate = "@CHAIN@" }
c2s_direct_tls_ssl = { key = "@KEY@"; certificate = "@CHAIN@" }

VirtualHost "@DOMAIN@"

Component "conference.@DOMAIN@" "muc"
	modules_enabled = { "muc_mam" }
	restrict_room_creation = false
