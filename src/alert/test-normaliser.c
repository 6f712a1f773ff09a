/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds what an alert says against what libauparse's normaliser knows of the same event: never less. */
#include <auparse.h>
#include <glob.h>
#include <libaudit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "alert/alert.h"
#include "alert/test-capture.h"

static const RuleInfo rule = { .id = STR_INIT("r"), .title = STR_INIT("TITLE"), .level = RULE_MEDIUM };

#define OWN_WORD "ours says more exactly what was done"

/* What need not be said, and why. NULL: any. */
static const struct {
        const char *what, *field, *value, *why;
} exceptions[] = {
        { "object secondary", "inode", NULL, "the number of a file tells nobody anything beside its name" },
        { "object primary", "syscall", "unknown-syscall(-1)",
          "that is no system call; the library has no table of seccomp's" },
        { "object primary2", "a1", "0xffffffff", "-1 leaves the owner as it is" },
        { "object primary2", "name", "/tmp/e2e/run/u", "the folder of a link, where the link is meant" },
        { "action", NULL, "triggered-audit-rule", "ours names the system call" },
        { "action", NULL, "triggered-unknown-audit-rule", "ours names the system call" },
        { "how", NULL, "init", "a guess: no field of DAEMON_START says it" },
        { "object kind", NULL, "admin-defined-rule", "no kind of object" },
        { "object kind", NULL, "keystrokes", "USER_DEVICE: the library takes it from the record before" },
        { "how", NULL, "signal", "the sentence says who sent it" },
};

/* Where ours is another word. */
static const struct {
        const char *theirs, *ours, *why;
} words[] = {
        { "opened-file", "accessed-mac-policy-controlled-object", "the library does not know Landlock yet" },
        { "connected-to", "accessed-mac-policy-controlled-object", "the library does not know Landlock yet" },
        { "executed", "matched-integrity-rule", "the library has no word for it and takes the system call" },
        { "opened-file", "matched-integrity-rule", "as above" },
        { "sent-to", "changed-ipsec", "as above: over netlink, to the kernel" },
        { "is-allowing-unlabeled-network-traffic", "changed-unlabeled-traffic-policy",
          "it may also forbid it" },
        { "accessed-mac-policy-controlled-object", "changed-mac-configuration",
          "AppArmor's STATUS is no access" },
        { "unloaded-bpf-program", "loaded-bpf-program", "op= is neither in the generated record" },
        { "disconnected-from", "connected-to", "op= is neither in the generated record" },
        { "make-device", "made-device", "its tense" },
        { "killed-list-of-pids", "sent-signal-to", "a signal does not always kill" },
        { "used-suspcious-link", "used-suspicious-link", "its spelling" },
        { "removed-use-role-from", "removed-user-role-from", "its spelling" },
        { "changed-socket-promiscuous-mode", "entered-promiscuous-mode-on-device", "ours says which way" },
};

typedef struct {
        Meaning *m;
        const char *where;
        bool kinds; /* compare these too */
        size_t n_events, n_checks, n_missing;
} Run;

static bool contains(Str s, const char *value) { return memmem(s.p, s.n, value, strlen(value)); }

static bool any_contains(const Alert *a, const char *value) {
        const Str texts[] = { a->sentence, a->actor,  a->as_user, a->action, a->operation,
                              a->object,   a->result, a->user,    a->addr,   a->exe,
                              a->pid,      a->ses,    a->terminal };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (contains(texts[i], value))
                        return true;
        for (size_t i = 0; i < a->n_keys; i++)
                if (str_eqz(a->keys[i], value))
                        return true;
        return false;
}

static bool says_quoted(const Alert *a, const char *value) {
        Buf text = BUF_INIT;
        bool said;

        for (const char *p = value; *p; p++) {
                if (*p == '"')
                        buf_putc(&text, '\\');
                buf_putc(&text, *p);
        }
        said = any_contains(a, buf_z(&text));
        buf_done(&text);
        return said;
}

/* The same value in the words of a sentence: quotes and backslashes have backslashes there, an id has no
 * parentheses, what is longer than FACTS_TEXT_MAX is cut. */
static bool says(const Alert *a, const char *value) {
        char text[FACTS_TEXT_MAX + 1];
        unsigned id;

        if (any_contains(a, value))
                return true;
        if (sscanf(value, "unknown(%u)", &id) == 1 || sscanf(value, "0x%x", &id) == 1) {
                snprintf(text, sizeof(text), "id %u", id);
                return any_contains(a, text);
        }
        if (strlen(value) > FACTS_TEXT_MAX) {
                snprintf(text, sizeof(text), "%.*s", (int)FACTS_TEXT_MAX - 4, value);
                return any_contains(a, text);
        }
        return says_quoted(a, value);
}

static bool is_nothing(const char *value) {
        static const char *const nothing[] = { "", "?", "unset", "(none)", "(null)", "unknown" };

        for (size_t i = 0; value && i < ARRAY_SIZE(nothing); i++)
                if (strcmp(value, nothing[i]) == 0)
                        return true;
        return !value;
}

static bool is_exception(const char *what, const char *field, const char *value) {
        for (size_t i = 0; i < ARRAY_SIZE(exceptions); i++)
                if (strcmp(what, exceptions[i].what) == 0 &&
                    (!exceptions[i].field || (field && strcmp(field, exceptions[i].field) == 0)) &&
                    (!exceptions[i].value || strcmp(value, exceptions[i].value) == 0))
                        return true;
        return false;
}

static bool is_our_word(const Alert *a, const char *value) {
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcmp(value, words[i].theirs) == 0 && str_eqz(a->action, words[i].ours))
                        return true;
        return false;
}

static void check(Run *run, const Alert *a, const char *what, const char *field, const char *value) {
        run->n_checks++;
        if (is_nothing(value) || is_exception(what, field, value) || says(a, value) ||
            (strcmp(what, "action") == 0 && is_our_word(a, value)))
                return;
        run->n_missing++;
        print_error("%s: %.*s: %s %s=%s is not in: %.*s [%.*s|%.*s|%.*s]\n", run->where, (int)a->event_id.n,
                    a->event_id.p, what, field ? field : "", value, (int)a->sentence.n, a->sentence.p,
                    (int)a->action.n, a->action.p, (int)a->object.n, a->object.p, (int)a->result.n,
                    a->result.p);
}

/* Yes, 1 and success are one thing, and so are no, 0 and failed. */
static void check_result(Run *run, const Alert *a, const char *field, const char *value) {
        static const char *const good[] = { "yes", "1", "success" }, *const bad[] = { "no", "0", "failed" };

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                if (value && strcmp(value, good[i]) == 0)
                        value = "success";
                else if (value && strcmp(value, bad[i]) == 0)
                        value = "failed";
        check(run, a, "result", field, value);
}

/* "{ saddr_fam=inet laddr=192.0.2.7 lport=22 }" */
static void check_address(Run *run, const Alert *a, const char *what, const char *value) {
        static const char *const parts[] = { " path=", " laddr=", " lport=", " nlnk-fam=" };
        char text[512];

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                const char *at = strstr(value, parts[i]);

                if (!at)
                        continue;
                snprintf(text, sizeof(text), "%s", at + strlen(parts[i]));
                *strstr(text, i == 0 ? " }" : " ") = 0;
                check(run, a, what, parts[i], i == 3 ? "netlink" : text);
                if (i == 0)
                        return;
        }
}

static void check_field(Run *run, const Alert *a, auparse_state_t *au, const char *what,
                        int (*go)(auparse_state_t *)) {
        const char *field, *value;

        if (go(au) != 1)
                return;
        field = auparse_get_field_name(au);
        value = auparse_interpret_field(au);
        if (go == auparse_normalize_get_results)
                check_result(run, a, field, value);
        else if (value && strncmp(value, "{ saddr_fam=", 12) == 0)
                check_address(run, a, what, value);
        else
                check(run, a, what, field, value);
}

/* A sentence of its own, neither the rule's title nor what is said of any type. */
static void check_is_special(Run *run, const Alert *a) {
        const char *type = record_type_to_name(a->facts.type);

        if (!contains(a->sentence, "TITLE") && !(type && strlen(type) > 4 && contains(a->sentence, type)) &&
            a->action.n && a->category.n)
                return;
        run->n_missing++;
        print_error("%s: %.*s: generic: %.*s [%.*s]\n", run->where, (int)a->event_id.n, a->event_id.p,
                    (int)a->sentence.n, a->sentence.p, (int)a->action.n, a->action.p);
}

static void check_kinds(Run *run, const Alert *a, auparse_state_t *au) {
        const char *category = auparse_normalize_get_event_kind(au),
                   *object = auparse_normalize_object_kind(au);

        if (!is_nothing(category) && !str_eqz(a->category, category) &&
            !is_exception("kind", NULL, category)) {
                run->n_missing++;
                print_error("%s: kind %s, ours %.*s\n", run->where, category, (int)a->category.n,
                            a->category.p);
        }
        if (!is_nothing(object) && !str_eqz(a->object_kind, object) &&
            !is_exception("object kind", NULL, object)) {
                run->n_missing++;
                print_error("%s: object kind %s, ours %.*s\n", run->where, object, (int)a->object_kind.n,
                            a->object_kind.p);
        }
}

static void check_event(Run *run, const Alert *a, auparse_state_t *au) {
        if (auparse_normalize(au, NORM_OPT_ALL) != 0)
                return;
        check_field(run, a, au, "subject primary", auparse_normalize_subject_primary);
        check_field(run, a, au, "subject secondary", auparse_normalize_subject_secondary);
        check_field(run, a, au, "object primary", auparse_normalize_object_primary);
        check_field(run, a, au, "object secondary", auparse_normalize_object_secondary);
        check_field(run, a, au, "object primary2", auparse_normalize_object_primary2);
        check_field(run, a, au, "result", auparse_normalize_get_results);
        check(run, a, "action", NULL, auparse_normalize_get_action(au));
        check(run, a, "how", NULL, auparse_normalize_how(au));
        if (run->kinds)
                check_kinds(run, a, au);
}

static void on_event(void *userdata, const Event *event) {
        Run *run = userdata;
        RuleHit hit = { .rule = &rule, .event = event, .record = event->records };
        auparse_state_t *au;
        Buf text = BUF_INIT;
        Alert *a;

        for (const Record *r = event->records; r; r = r->next) {
                buf_str(&text, r->text);
                buf_putc(&text, '\n');
        }
        assert_int_equal(alert_new(&a, &hit, run->m, NULL), 0);
        check_is_special(run, a);
        au = auparse_init(AUSOURCE_BUFFER, buf_z(&text));
        assert_non_null(au);
        while (auparse_next_event(au) > 0)
                check_event(run, a, au);
        auparse_destroy(au);
        alert_unref(a);
        buf_done(&text);
        run->n_events++;
}

static void captures_say_no_less(void **state) {
        Run run = { 0 };
        glob_t files;

        assert_int_equal(glob(CAPTURES "/*/*.log", 0, NULL, &files), 0);
        assert_int_equal(glob(CAPTURES "/*.log", GLOB_APPEND, NULL, &files), 0);
        assert_int_equal(meaning_new(&run.m), 0);
        for (size_t i = 0; i < files.gl_pathc; i++) {
                run.where = files.gl_pathv[i] + sizeof(CAPTURES);
                assert_true(capture_replay(run.where, on_event, &run));
        }
        print_message("# %zu events, %zu values, %zu missing\n", run.n_events, run.n_checks, run.n_missing);
        globfree(&files);
        meaning_free(run.m);
        assert_int_equal(run.n_missing, 0);
}

/* What only ever comes beside a SYSCALL, and what has its fields in another form than the others. */
static bool stands_alone(int type) {
        static const int company[] = { AUDIT_SYSCALL,    AUDIT_PATH,         AUDIT_IPC,
                                       AUDIT_SOCKETCALL, AUDIT_SOCKADDR,     AUDIT_CWD,
                                       AUDIT_EXECVE,     AUDIT_IPC_SET_PERM, AUDIT_MQ_OPEN,
                                       AUDIT_MQ_NOTIFY,  AUDIT_MQ_SENDRECV,  AUDIT_MQ_GETSETATTR,
                                       AUDIT_FD_PAIR,    AUDIT_OBJ_PID,      AUDIT_BPRM_FCAPS,
                                       AUDIT_CAPSET,     AUDIT_MMAP,         AUDIT_PROCTITLE,
                                       AUDIT_EOE,        AUDIT_OPENAT2,      AUDIT_KERNEL_OTHER,
                                       AUDIT_URINGOP,    AUDIT_AVC_PATH,     AUDIT_INTEGRITY_POLICY_RULE };

        for (size_t i = 0; i < ARRAY_SIZE(company); i++)
                if (type == company[i])
                        return false;
        return true;
}

/* One event of each type that libaudit knows, with the fields that such records have. */
static void every_type_has_words(void **state) {
        static const char form[] =
                "type=%s msg=audit(1.000:1): pid=1 uid=0 auid=0 ses=1 subj=a op=O comm=\"c\" "
                "exe=\"/x\" msg='op=OP acct=\"bob\" exe=\"/y\" hostname=h addr=192.0.2.7 terminal=pts/1 "
                "unit=u res=success'\n";
        Run run = { .where = "generated", .kinds = true };
        size_t n_types = 0;

        assert_int_equal(meaning_new(&run.m), 0);
        for (int type = 1000; type < 3000; type++) {
                const char *name = audit_msg_type_to_name(type);
                Buf line = BUF_INIT;

                if (!name || !stands_alone(type))
                        continue;
                buf_printf(&line, form, name);
                run.where = name;
                capture_replay_text(buf_z(&line), on_event, &run);
                buf_done(&line);
                n_types++;
        }
        meaning_free(run.m);
        assert_true(n_types > 150);
        assert_int_equal(run.n_missing, 0);
}

static void every_system_call_has_words(void **state) {
        static const char form[] =
                "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=%d success=yes exit=0 a0=1 a1=2 "
                "a2=3 a3=4 items=1 ppid=1 pid=2 auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 "
                "fsgid=0 tty=(none) ses=1 comm=\"c\" exe=\"/x\" key=\"k\"\n"
                "type=CWD msg=audit(1.000:1): cwd=\"/\"\n"
                "type=PATH msg=audit(1.000:1): item=0 name=\"/f\" inode=1 dev=fe:00 mode=0100644 ouid=0 "
                "ogid=0 rdev=00:00 nametype=NORMAL\n";
        int machine = audit_elf_to_machine(AUDIT_ARCH_X86_64);
        Run run = { .where = "generated", .kinds = true };

        assert_int_equal(meaning_new(&run.m), 0);
        for (int call = 0; call < 500; call++) {
                const char *name = audit_syscall_to_name(call, machine);
                Buf lines = BUF_INIT;

                if (!name)
                        continue;
                buf_printf(&lines, form, call);
                run.where = name;
                capture_replay_text(buf_z(&lines), on_event, &run);
                buf_done(&lines);
        }
        meaning_free(run.m);
        assert_true(run.n_events > 300);
        assert_int_equal(run.n_missing, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(captures_say_no_less),
                cmocka_unit_test(every_type_has_words),
                cmocka_unit_test(every_system_call_has_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
