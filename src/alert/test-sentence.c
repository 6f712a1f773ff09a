/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "alert/alert.h"
#include "alert/sentence-rows.h"
#include "alert/test-capture.h"
#include "base/escape.h"

static const RuleInfo rule = { .id = STR_INIT("r"), .title = STR_INIT("TITLE"), .level = RULE_MEDIUM };

typedef struct {
        Meaning *m;
        Buf out; /* one sentence a line */
        size_t n;
} Said;

static void say(void *userdata, const Event *event) {
        Said *said = userdata;
        RuleHit hit = { .rule = &rule, .event = event, .record = event->records };
        Alert *a;

        assert_int_equal(alert_new(&a, &hit, said->m, NULL), 0);
        assert_true(a->sentence.n > 0);
        buf_putc(&said->out, '\n');
        buf_str(&said->out, a->sentence);
        buf_putc(&said->out, '\n');
        said->n++;
        alert_unref(a);
}

static size_t count(Said *said, const char *sentence) {
        Buf line = BUF_INIT;
        size_t n = 0;

        buf_printf(&line, "\n%s\n", sentence);
        for (const char *p = buf_z(&said->out), *needle = buf_z(&line); p && (p = strstr(p, needle)); p++)
                n++;
        buf_done(&line);
        return n;
}

static void said_done(Said *said) {
        meaning_free(said->m);
        buf_done(&said->out);
}

/* What the scenario of each capture was is told by its name (test/captures); so often must it be said. */
static const struct {
        const char *capture;
        size_t n;
        const char *sentence;
} scenarios[] = {
        { "enriched/ssh-tty-ok.log", 2, "e2eu logged in over ssh from 127.0.0.1" },
        { "enriched/ssh-pw-ok.log", 1, "e2eu logged in over ssh from 127.0.0.1" },
        { "enriched/ssh-root-refused.log", 2, "failed login as root over ssh from 127.0.0.1" },
        { "enriched/ssh-unknown-user.log", 3, "failed login over ssh as an unknown user from 127.0.0.1" },
        { "enriched/login-bad.log", 2, "failed login as e2eu on pts/0" },
        { "enriched/login-unknown.log", 1, "failed login as an unknown user on pts/0" },
        { "enriched/systemd-login.log", 2, "e2eu logged in" },
        { "enriched/su-ok.log", 1, "e2eu became audpeer with su on pts/1" },
        { "enriched/su-root-to-user.log", 1, "root became e2eu with su" },
        { "enriched/sudo-ok.log", 1, "e2eu ran \"id\" with sudo in /home/e2eu" },
        { "enriched/sudo-ok.log", 1, "e2eu became root with sudo" },
        { "enriched/sudo-badpw.log", 1, "e2eu was refused to run \"id\" with sudo in /home/e2eu" },
        { "enriched/sudo-badpw.log", 2, "e2eu gave a wrong password to sudo" },
        { "enriched/sudo-cmd-odd.log", 1,
          "e2eu ran \"sh -c echo \\\"a b\\\" caf\xC3\xA9; true\" with sudo in /home/e2eu" },
        { "enriched/useradd.log", 1, "root added user id 5991 with useradd" },
        { "enriched/userdel.log", 1, "root deleted user e2enew2 with userdel" },
        { "enriched/usermod.log", 1, "root changed user e2enew (adding user to group) with usermod" },
        { "enriched/gpasswd.log", 1, "root changed group e2egrp (user e2eu added by root to group e2egrp)" },
        { "enriched/passwd-root.log", 1, "root changed the password of e2enew2 with passwd" },
        { "enriched/promisc.log", 1, "e2eu put lo into promiscuous mode with trig" },
        { "enriched/promisc.log", 1, "e2eu took lo out of promiscuous mode with trig" },
        { "enriched/anom-abend-segv.log", 1, "trig of e2eu crashed with SIGSEGV" },
        { "enriched/cron.log", 1, "cron started a job of e2eu" },
        { "enriched/daemon.log", 1, "auditd stopped, told to by root" },
        { "enriched/systemd-service-fail.log", 1, "service e2efail failed" },
        { "enriched/pam-access-denied.log", 1,
          "login as audpeer at a time that is not allowed from 127.0.0.1" },
        { "enriched/exec-shell.log", 1, "e2eu ran \"ls /nonexistent\", key e2e-exec" },
        { "enriched/watch-file-replaced.log", 1, "e2eu failed to open wf for writing with dash, key wf" },
        { "enriched/newgrp.log", 1, "e2eu failed to join group audio with newgrp" },
        { "enriched/net.log", 1, "e2eu failed to connect to 127.0.0.1 port 1 with trig, key e2e-net" },
        { "enriched/net.log", 1, "e2eu failed to connect to /run/nonexistent.sock with trig, key e2e-net" },
        { "enriched/file-ops.log", 1, "e2eu renamed a.txt to b.txt with trig, key e2e-file" },
        { "enriched/file-ops.log", 1, "e2eu failed to delete /etc/passwd with trig, key e2e-file" },
        { "enriched/file-ops.log", 1, "e2eu created folder d/e with trig, key e2e-file" },
        { "enriched/file-ops.log", 1, "e2eu created the link soft to a.txt with trig, key e2e-file" },
        { "enriched/sys-priv.log", 1,
          "e2eu (as root) failed to unload a kernel module with trig, key e2e-sys" },
        { "raw/ssh-root-refused.log", 2, "failed login as root over ssh from 127.0.0.1" },
};

static void scenarios_are_told(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
                Said said = { .out = BUF_INIT };

                assert_int_equal(meaning_new(&said.m), 0);
                assert_true(capture_replay(scenarios[i].capture, say, &said));
                if (count(&said, scenarios[i].sentence) != scenarios[i].n)
                        fail_msg("%s: not %zu times \"%s\" in:%s", scenarios[i].capture, scenarios[i].n,
                                 scenarios[i].sentence, buf_z(&said.out));
                said_done(&said);
        }
}

/* Records as they would be if somebody hostile, or another program than those in the captures, wrote them. */
static const struct {
        const char *body, *sentence;
} lines[] = {
        { "type=USER_LOGIN %s: pid=1 uid=0 auid=4294967295 msg='op=login acct=\"root\" "
          "exe=\"/usr/lib/openssh/sshd-session\" hostname=? addr=192.0.2.7 terminal=ssh res=failed'",
          "failed login as root over ssh from 192.0.2.7" },
        { "type=USER_LOGIN %s: pid=1 uid=0 auid=4294967295 msg='op=login "
          "acct=616C69636520616E6420726F6F74 exe=\"/usr/sbin/sshd\" hostname=h addr=? terminal=ssh "
          "res=failed'",
          "failed login as \"alice and root\" over ssh from h" },
        { "type=USER_LOGIN %s: pid=1 uid=0 auid=4294967295 msg='op=login acct=6122625C63 "
          "exe=\"/usr/sbin/sshd\" hostname=? addr=? terminal=ssh res=failed'",
          "failed login as \"a\\\"b\\\\c\" over ssh" },
        { "type=USER_LOGIN %s: pid=1 uid=0 auid=4294967295 msg='op=login acct=1B5B33316D "
          "exe=\"/usr/sbin/sshd\" hostname=? addr=? terminal=ssh res=failed'",
          "failed login as \"\\033[31m\" over ssh" },
        { "type=USER_LOGIN %s: pid=1 uid=0 auid=0 msg='op=login exe=\"/usr/sbin/sshd\" hostname=? "
          "addr=192.0.2.7 terminal=/dev/pts/0 res=success'",
          "root logged in over ssh from 192.0.2.7" },
        { "type=USER_LOGIN %s: pid=1 uid=0 auid=4294967295 msg='op=login id=0 exe=\"/usr/sbin/sshd\" "
          "hostname=? addr=2001:db8::7 terminal=/dev/pts/0 res=success'",
          "root logged in over ssh from 2001:db8::7" },
        { "type=CONFIG_CHANGE %s: op=set audit_enabled=0 old=1 auid=0 ses=3 res=1",
          "root switched auditing off" },
        { "type=CONFIG_CHANGE %s: op=set audit_backlog_limit=8192 old=64 auid=0 ses=3 res=0",
          "root changed the audit configuration (set audit_backlog_limit=8192): failed" },
        { "type=CONFIG_CHANGE %s: auid=4294967295 ses=4294967295 op=remove_rule key=\"passwd\" "
          "list=4 res=1",
          "a system process removed an audit rule with key passwd" },
        { "type=ADD_USER %s: pid=1 uid=0 auid=0 msg='op=add-user acct=\"bob\" "
          "exe=\"/usr/sbin/useradd\" "
          "hostname=h addr=? terminal=pts/0 res=success'",
          "root added user bob with useradd" },
        { "type=USER_AUTH %s: pid=1 uid=0 auid=0 msg='op=PAM:authentication acct=\"root\" "
          "exe=\"/usr/bin/su\" hostname=? addr=? terminal=pts/1 res=failed'",
          "root failed to become root with su on pts/1" },
        { "type=SYSCALL %s: arch=c000003e syscall=257 success=no exit=-13 auid=0 uid=0 "
          "comm=\"cat\" exe=\"/usr/bin/cat\" key=6162016364",
          "root used cat to call openat, key ab: failed" },
        { "type=AVC %s: apparmor=\"DENIED\" operation=\"open\" profile=\"p\" name=\"/etc/x\" pid=1 "
          "comm=\"trig\" "
          "requested_mask=\"r\" denied_mask=\"r\" fsuid=0 ouid=0",
          "AppArmor refused open (r) to trig of a system process on /etc/x, profile p" },
        { "type=AVC %s: avc:  denied  { read } for  pid=1 comm=\"x\" path=\"/f\" dev=\"vda\" ino=3 "
          "scontext=a:b:c tcontext=d:e:f tclass=file permissive=0",
          "SELinux refused read to x of a system process on /f (file, d:e:f)" },
        { "type=UNKNOWN[1423] %s: domain=195ba459b blockers=fs.read_file path=\"/etc/hostname\" dev=\"vda\" "
          "ino=7",
          "Landlock refused fs.read_file to a program of a system process on /etc/hostname" },
        { "type=MAC_STATUS %s: enforcing=0 old_enforcing=1 auid=0 ses=1 enabled=1 old-enabled=1 lsm=selinux "
          "res=1",
          "root set the enforcement of SELinux to 0" },
        { "type=MAC_CONFIG_CHANGE %s: bool=httpd_can_sendmail val=1 old_val=0 auid=0 ses=1",
          "root set the SELinux boolean httpd_can_sendmail to 1" },
        { "type=SOFTWARE_UPDATE %s: pid=1 uid=0 auid=0 ses=1 msg='op=install sw=\"evil-1.0\" sw_type=rpm "
          "key_enforce=0 "
          "gpg_res=1 root_dir=\"/\" comm=\"dnf\" exe=\"/usr/bin/dnf\" hostname=h addr=? terminal=? "
          "res=success'",
          "root installed software evil-1.0 (install) with dnf" },
        { "type=VIRT_CONTROL %s: pid=1 uid=0 auid=0 ses=1 msg='virt=kvm op=start reason=booted vm=\"web 1\" "
          "uuid=u "
          "vm-pid=2 exe=\"/usr/sbin/libvirtd\" hostname=? addr=? terminal=? res=success'",
          "virtual machine \"web 1\" started (booted)" },
        { "type=CRYPTO_SESSION %s: pid=1 uid=0 auid=0 ses=1 msg='op=start direction=from-client "
          "cipher=aes256 "
          "ksize=256 mac=m pfs=c spid=2 suid=0 rport=1234 laddr=192.0.2.1 lport=22 exe=\"/usr/sbin/sshd\" "
          "hostname=? "
          "addr=192.0.2.7 terminal=? res=success'",
          "sshd agreed on encryption by aes256 with 192.0.2.7 port 1234" },
        { "type=INTEGRITY_DATA %s: pid=1 uid=0 auid=0 ses=1 op=appraise_data cause=invalid-signature "
          "comm=\"sh\" "
          "name=\"/usr/bin/x\" dev=\"vda\" ino=3 res=0",
          "the integrity of the data of /usr/bin/x was not confirmed (invalid-signature) for sh of root" },
        { "type=ANOM_LINK %s: op=follow_link ppid=1 pid=2 auid=0 uid=0 comm=\"cat\" exe=\"/usr/bin/cat\" "
          "res=0",
          "root was refused to follow a suspicious link with cat (follow_link)" },
        { "type=DAEMON_ACCEPT %s: op=connect addr=192.0.2.7 port=60 res=success",
          "auditd accepted a connection from 192.0.2.7 port 60" },
        { "type=UNKNOWN[1599] %s: auid=0", "AppArmor reported a record of an unknown type of root" },
        { "type=UNKNOWN[2150] %s: auid=0 op=\"x</b>y\"",
          "anomaly a record of an unknown type (\"x</b>y\") of root" },
        { "type=NEVER_HEARD_OF %s: auid=0 exe=\"/usr/bin/x\"", "TITLE: root with x" },
        { "type=NEVER_HEARD_OF %s: nothing=1", "TITLE" },
};

static void lines_are_told(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                Said said = { .out = BUF_INIT };
                Buf line = BUF_INIT;
                const char *where = strstr(lines[i].body, "%s");

                buf_put(&line, lines[i].body, (size_t)(where - lines[i].body));
                buf_putz(&line, "msg=audit(1795336287.106:1)");
                buf_putz(&line, where + 2);
                buf_putc(&line, '\n');
                assert_int_equal(meaning_new(&said.m), 0);
                capture_replay_text(buf_z(&line), say, &said);
                if (said.n != 1 || count(&said, lines[i].sentence) != 1)
                        fail_msg("row %zu: not \"%s\" but:%s", i, lines[i].sentence, buf_z(&said.out));
                buf_done(&line);
                said_done(&said);
        }
}

static void check_template(const char *text) {
        bool open = false;

        for (const char *p = text; *p; p++) {
                size_t n = *p == '{' ? strcspn(p, "}") : 0;

                assert_true(*p != '[' || !open);
                assert_true(*p != ']' || open);
                open = *p == '[' || (open && *p != ']');
                if (n && !sentence_has_word((Str){ p + 1, n - 1 }))
                        fail_msg("%s: there is no word %.*s", text, (int)n - 1, p + 1);
        }
        assert_false(open);
}

static void templates_use_words_there_are(void **state) {
        for (size_t i = 0; i < sentence_n_rows; i++)
                check_template(sentence_rows[i].text);
        for (size_t i = 0; i < sentence_n_groups; i++)
                check_template(sentence_groups[i].text);
        check_template(sentence_ran.text);
        check_template(sentence_used.text);
        check_template(sentence_promisc_in.text);
        check_template(sentence_promisc_out.text);
}

/* On any capture: something is said, in one piece, and nothing of the template shows. */
static void every_event_gives_one_sentence(void **state) {
        glob_t files;

        assert_int_equal(glob(CAPTURES "/*/*.log", 0, NULL, &files), 0);
        for (size_t i = 0; i < files.gl_pathc; i++) {
                Said said = { .out = BUF_INIT };

                assert_int_equal(meaning_new(&said.m), 0);
                assert_true(capture_replay(files.gl_pathv[i] + sizeof(CAPTURES), say, &said));
                if (said.n) {
                        assert_null(strstr(buf_z(&said.out), "{w"));
                        assert_null(strchr(buf_z(&said.out), '['));
                        assert_null(strchr(buf_z(&said.out), '\x1b'));
                }
                said_done(&said);
        }
        globfree(&files);
}

static void take(void *userdata, const Event *event) {
        Said *said = userdata;
        RuleHit hit = { .rule = &rule, .event = event };
        Alert *a;

        assert_int_equal(alert_new(&a, &hit, said->m, NULL), 0);
        assert_true(a->sentence.n <= ALERT_TEXT_MAX && a->n_keys <= ALERT_LIST_MAX);
        alert_json(&said->out, a);
        assert_true(escape_is_utf8(buf_view(&said->out)));
        alert_unref(a);
}

static void an_alert_is_bounded(void **state) {
        Said said = { .out = BUF_INIT };
        Buf line = BUF_INIT;

        buf_putz(&line, "type=SYSCALL msg=audit(1.000:1): auid=0 uid=0 exe=");
        for (int i = 0; i < 100000; i++)
                buf_putz(&line, "FF01");
        buf_putz(&line, " key=");
        for (int i = 0; i < 100000; i++)
                buf_printf(&line, "%02X01", 0x41 + i % 26);
        buf_putc(&line, '\n');
        assert_int_equal(meaning_new(&said.m), 0);
        capture_replay_text(buf_z(&line), take, &said);
        assert_true(said.out.n > 0 && said.out.n < 65536);
        buf_done(&line);
        said_done(&said);
}

static void ids_are_stable(void **state) {
        /* sha256("r" NUL "1.002:3"), the first 16 bytes; by coreutils' sha256sum */
        Said said = { .out = BUF_INIT };

        assert_int_equal(meaning_new(&said.m), 0);
        capture_replay_text("type=USER msg=audit(1.002:3): pid=1\n", take, &said);
        assert_non_null(strstr(buf_z(&said.out), "\"id\":\"a6159644dc1c498edbafcbaa7bad8936\""));
        assert_non_null(strstr(said.out.p, "\"time\":\"1970-01-01T00:00:01.002Z\""));
        said_done(&said);
}

#define UNSET " uid=0 auid=4294967295 ses=4294967295 "
#define REFUSED(_type, _ids, _acct, _exe, _addr)                                                            \
        "type=" _type " msg=audit(1795336287.106:1): pid=1" _ids "msg='op=login acct=" _acct " exe=\"" _exe \
        "\" hostname=? addr=" _addr " terminal=? res=failed'\n"
#define INVALID_USER "28696E76616C6964207573657229" /* (invalid user) */

/* Whoever lets people in runs as root; that is nobody who tried. */
static const struct {
        const char *record, *user;
} comers[] = {
        { REFUSED("USER_LOGIN", UNSET, INVALID_USER, "/usr/sbin/sshd", "192.0.2.7"), "" },
        { REFUSED("USER_LOGIN", UNSET, "\"(unknown user)\"", "/usr/sbin/sshd", "192.0.2.7"), "" },
        { REFUSED("USER_AUTH", UNSET, "\"(unknown user)\"", "/usr/sbin/sshd", "192.0.2.7"), "" },
        { REFUSED("USER_ERR", UNSET, "\"?\"", "/usr/lib/openssh/sshd-session", "192.0.2.7"), "" },
        { REFUSED("USER_LOGIN", UNSET, "\"UNKNOWN\"", "/usr/bin/login", "?"), "" },
        { REFUSED("USER_AUTH", UNSET, "\"(unknown)\"", "/usr/libexec/gdm-session-worker", "?"), "" },
        { REFUSED("USER_AUTH", UNSET, "\"?\"", "/usr/libexec/dovecot/auth", "192.0.2.7"), "" },
        { REFUSED("USER_AUTH", UNSET, "6120622063", "/usr/sbin/vsftpd", "192.0.2.7"), "a b c" },
        { REFUSED("USER_LOGIN", UNSET, "6120622063", "/usr/sbin/sshd", "192.0.2.7"), "a b c" },
        { REFUSED("USER_LOGIN", UNSET, "\"root\"", "/usr/sbin/sshd", "192.0.2.7"), "root" },
        /* the administrator who started it by hand */
        { REFUSED("USER_LOGIN", " uid=0 auid=0 ses=3 ", INVALID_USER, "/usr/sbin/sshd", "192.0.2.7"), "" },
        /* root, or a service of root's, at a program that people run */
        { REFUSED("USER_AUTH", UNSET, "\"nosuchuser\"", "/usr/bin/su", "?"), "root" },
        { REFUSED("CRYPTO_KEY_USER", UNSET, "\"?\"", "/usr/sbin/sshd", "192.0.2.7"), "root" },
};

static void keep_user(void *userdata, const Event *event) {
        Said *said = userdata;
        RuleHit hit = { .rule = &rule, .event = event, .record = event->records };
        Alert *a;

        assert_int_equal(alert_new(&a, &hit, said->m, NULL), 0);
        buf_str(&said->out, a->user);
        said->n++;
        alert_unref(a);
}

static void the_user_is_who_came(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(comers); i++) {
                Said said = { .out = BUF_INIT };

                assert_int_equal(meaning_new(&said.m), 0);
                capture_replay_text(comers[i].record, keep_user, &said);
                assert_int_equal(said.n, 1);
                if (!str_eqz(buf_view(&said.out), comers[i].user))
                        fail_msg("row %zu: the user is not \"%s\" but \"%s\"", i, comers[i].user,
                                 buf_z(&said.out));
                said_done(&said);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(scenarios_are_told),
                cmocka_unit_test(lines_are_told),
                cmocka_unit_test(the_user_is_who_came),
                cmocka_unit_test(templates_use_words_there_are),
                cmocka_unit_test(every_event_gives_one_sentence),
                cmocka_unit_test(an_alert_is_bounded),
                cmocka_unit_test(ids_are_stable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
