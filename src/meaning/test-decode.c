/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <cmocka.h>
#include <auparse.h>
#include <libaudit.h>
#include "meaning/decode.h"

/* What the installed library calls the field @name of a record of @type; -1: it does not see the field. */
static int library_type(const char *type, const char *name, const char *value) {
        char line[256];
        auparse_state_t *au;
        int r = -1;

        snprintf(line, sizeof(line), "type=%s msg=audit(1.001:1): %s=%s\n", type, name, value);
        au = auparse_init(AUSOURCE_BUFFER, line);
        assert_non_null(au);
        if (auparse_first_record(au) > 0 && auparse_find_field(au, name))
                r = auparse_get_field_type(au);
        auparse_destroy(au);
        return r;
}

static FieldKind kind_of_library_type(int type) {
        switch (type) {
        case AUPARSE_TYPE_UNCLASSIFIED:
        case AUPARSE_TYPE_MAC_LABEL:
        case AUPARSE_TYPE_ADDR: return KIND_PLAIN;
        case AUPARSE_TYPE_UID: return KIND_USER;
        case AUPARSE_TYPE_GID: return KIND_GROUP;
        case AUPARSE_TYPE_SYSCALL: return KIND_SYSCALL;
        case AUPARSE_TYPE_ARCH: return KIND_ARCH;
        case AUPARSE_TYPE_EXIT: return KIND_EXIT;
        case AUPARSE_TYPE_ESCAPED:
        case AUPARSE_TYPE_ESCAPED_FILE: return KIND_TEXT;
        case AUPARSE_TYPE_ESCAPED_KEY: return KIND_KEY;
        case AUPARSE_TYPE_PROCTITLE: return KIND_PROCTITLE;
        case AUPARSE_TYPE_TTY_DATA: return KIND_TTY;
        case AUPARSE_TYPE_SOCKADDR: return KIND_SADDR;
        case AUPARSE_TYPE_MODE: return KIND_MODE;
        case AUPARSE_TYPE_MODE_SHORT: return KIND_MODE_SHORT;
        case AUPARSE_TYPE_SUCCESS: return KIND_RESULT;
        case AUPARSE_TYPE_SESSION: return KIND_SESSION;
        case AUPARSE_TYPE_A0: return KIND_A0;
        case AUPARSE_TYPE_A1: return KIND_A1;
        case AUPARSE_TYPE_A2: return KIND_A2;
        case AUPARSE_TYPE_A3: return KIND_A3;
        case -1: return (FieldKind)-1; /* it makes no field of it */
        default: return KIND_CODE;
        }
}

/* clang-format off */
static const char *const names[] = {
        "auid", "uid", "euid", "suid", "fsuid", "ouid", "oauid", "old-auid", "iuid", "id", "inode_uid",
        "sauid", "obj_uid", "obj_gid", "gid", "egid", "sgid", "fsgid", "ogid", "igid", "inode_gid",
        "new_gid", "syscall", "arch", "exit", "path", "comm", "exe", "file", "name", "watch", "cwd", "cmd",
        "acct", "dir", "key", "vm", "old-chardev", "new-chardev", "old-disk", "new-disk", "old-fs",
        "new-fs", "old-net", "new-net", "device", "cgroup", "perm", "perm_mask", "mode", "saddr", "flags",
        "prom", "old_prom", "capability", "res", "result", "a0", "a1", "a2", "a3", "a4", "a10", "a1_len",
        "argc", "sig", "list", "data", "ses", "cap_pi", "cap_pe", "cap_pp", "cap_pa", "cap_fi", "cap_fp",
        "cap_fe", "cap_fver", "fp", "fi", "fe", "old_pp", "old_pi", "old_pe", "old_pa", "new_pp", "new_pi",
        "new_pe", "pp", "pi", "pe", "pa", "family", "icmptype", "proto", "addr", "apparmor", "operation",
        "denied_mask", "info", "profile", "requested_mask", "per", "code", "old-rng", "new-rng", "oflag",
        "ocomm", "sigev_signo", "subj", "obj", "scontext", "tcontext", "vm-ctx", "img-ctx", "proctitle",
        "grp", "new_group", "hook", "action", "macproto", "invalid_context", "ioctlcmd", "resp", "sw",
        "root_dir", "nl-mcgrp", "resolve", "pid", "ppid", "tty", "hostname", "terminal", "op", "grantors",
        "success", "items", "item", "inode", "dev", "rdev", "nametype", "opid", "ip", "table", "old",
        "audit_enabled", "reason", "daddr", "laddr", "lport", "fam", "qbytes", "ver", "format", "entries",
        "sport", "exe ", "AUID", "a", "kernel", "unit", "old-ses", "uidx", "ui",
        "invalid_contextual_name_of_some_length",
};
/* clang-format on */

static const char *const types[] = {
        "SYSCALL",         "PATH",           "CWD",       "EXECVE",        "AVC",
        "USER_AVC",        "USER_TTY",       "TTY",       "NETFILTER_PKT", "MQ_OPEN",
        "CRYPTO_KEY_USER", "CRYPTO_SESSION", "ADD_GROUP", "GRP_MGMT",      "DEL_GROUP",
        "ADD_USER",        "USER_LOGIN",     "USER_CMD",  "TRUSTED_APP",   "KERN_MODULE",
        "SOCKADDR",        "PROCTITLE",      "BPF",       "SECCOMP",       "APPARMOR_DENIED",
};

static void same_kinds_as_the_library(void **state) {
        for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
                int type = audit_name_to_msg_type(types[t]);

                for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                        Str name = str_from(names[i]);
                        FieldKind ours = decode_kind(type, name), quoted, word, number;

                        if (library_type(types[t], names[i], "\"x\"") < 0)
                                continue;
                        quoted = kind_of_library_type(library_type(types[t], names[i], "\"x\""));
                        word = kind_of_library_type(library_type(types[t], names[i], "xyz"));
                        number = kind_of_library_type(library_type(types[t], names[i], "12"));
                        if (ours == KIND_TEXT_MAYBE || ours == KIND_TEXT_WORD) {
                                assert_int_equal(quoted, KIND_TEXT);
                                assert_true(word == KIND_PLAIN || word == (FieldKind)-1);
                                assert_int_equal(number, ours == KIND_TEXT_WORD ? KIND_PLAIN : KIND_TEXT);
                        } else if (quoted != ours || (word != ours && word != (FieldKind)-1)) {
                                fail_msg("%s in %s: %d, the library has %d", names[i], types[t], ours,
                                         quoted);
                        }
                }
        }
}

static void text_is_decoded_by_name_and_type(void **state) {
        static const struct {
                int type;
                const char *name, *value;
                bool quoted;
                const char *want;
                size_t n_want;
        } rows[] = {
                { AUDIT_SYSCALL, "comm", "bash", true, "bash", 4 },
                { AUDIT_SYSCALL, "comm", "6261", true, "6261", 4 },
                { AUDIT_SYSCALL, "comm", "6261", false, "ba", 2 },
                { AUDIT_SYSCALL, "comm", "626", false, "626", 3 },
                { AUDIT_SYSCALL, "comm", "(null)", false, "(null)", 6 },
                { AUDIT_SYSCALL, "a0", "26", false, "26", 2 },
                { AUDIT_EXECVE, "a0", "2F62", false, "/b", 2 },
                { AUDIT_EXECVE, "a12[3]", "2f62", false, "/b", 2 },
                { AUDIT_EXECVE, "a1_len", "1234", false, "1234", 4 },
                { AUDIT_EXECVE, "argc", "10", false, "10", 2 },
                { AUDIT_PROCTITLE, "proctitle", "6100620063", false, "a b c", 5 },
                { AUDIT_PROCTITLE, "proctitle", "610062000A", false, "a b \n", 5 },
                { AUDIT_SYSCALL, "key", "610162", false, "a\001b", 3 },
                { AUDIT_SYSCALL, "key", "6163", false, "ac", 2 },
                { AUDIT_USER_AUTH, "acct", "726F6F74", false, "root", 4 },
                { AUDIT_USER_AUTH, "acct", "root", false, "root", 4 },
                { AUDIT_TRUSTED_APP, "x", "1234", false, "1234", 4 },
                { AUDIT_TRUSTED_APP, "x", "12AB", false, "\x12\xAB", 2 },
                { AUDIT_PATH, "name", "FF00FE", false, "\xFF\0\xFE", 3 },
                { AUDIT_PATH, "inode", "6162", false, "6162", 4 },
                { AUDIT_USER_TTY, "msg", "6162", false, "ab", 2 },
                { AUDIT_TTY, "data", "610D", false, "a\r", 2 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Field f = { .name = str_from(rows[i].name),
                            .value = str_from(rows[i].value),
                            .quoted = rows[i].quoted };
                Buf out = BUF_INIT;

                decode_text(&out, decode_kind(rows[i].type, f.name), &f);
                if (!str_eq(buf_view(&out), (Str){ rows[i].want, rows[i].n_want }))
                        fail_msg("row %zu: %.*s", i, STR_ARG(buf_view(&out)));
                buf_done(&out);
        }
}

static void execve_arguments_are_recognised(void **state) {
        static const struct {
                const char *name;
                bool want;
                uint32_t arg;
                int64_t piece;
        } rows[] = {
                { "a0", true, 0, -1 },
                { "a12", true, 12, -1 },
                { "a1[0]", true, 1, 0 },
                { "a1[17]", true, 1, 17 },
                { "a", false, 0, 0 },
                { "", false, 0, 0 },
                { "argc", false, 0, 0 },
                { "a1_len", false, 0, 0 },
                { "a1[", false, 0, 0 },
                { "a1[]", false, 0, 0 },
                { "a1[2", false, 0, 0 },
                { "a1[2]x", false, 0, 0 },
                { "b1", false, 0, 0 },
                { "a99999999999", false, 0, 0 },
                { "a999999999", true, 999999999, -1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint32_t arg = 0;
                int64_t piece = 0;

                assert_int_equal(decode_execve_arg(str_from(rows[i].name), &arg, &piece), rows[i].want);
                assert_int_equal(arg, rows[i].arg);
                assert_int_equal(piece, rows[i].piece);
        }
}

/* One line that says everything about an address. */
static void render(Buf *out, Str hex) {
        SocketAddress a;

        if (decode_saddr(hex, &a)) {
                BUF_LIT(out, "bad");
                return;
        }
        buf_printf(out, "%s ", a.family_name ? a.family_name : "?");
        switch (a.form) {
        case SADDR_INET: buf_printf(out, "%s %u", a.address, a.port); break;
        case SADDR_UNIX: buf_printf(out, "%s%s %u", a.is_abstract ? "@" : "", a.path, a.n_path); break;
        case SADDR_NETLINK: buf_printf(out, "%u %u", a.pid, a.groups); break;
        case SADDR_SHORT: BUF_LIT(out, "short"); break;
        case SADDR_NONE: BUF_LIT(out, "none"); break;
        }
}

static void socket_addresses_are_values(void **state) {
        static const struct {
                const char *hex, *want;
        } rows[] = {
                { "020000167F0000010000000000000000", "inet 127.0.0.1 22" },
                { "0200001600000000000000000000000000000000", "inet 0.0.0.0 22" },
                { "020000167F00000100000000000000", "inet short" },
                { "02", "bad" },
                { "", "bad" },
                { "zz", "bad" },
                { "(null)", "bad" },
                { "0A0000160000000000000000000000000000000000000001"
                  "00000000",
                  "inet6 ::1 22" },
                { "0A0000160000000000000000000000000000FFFF7F000001"
                  "0000000000000000",
                  "inet6 ::ffff:127.0.0.1 22" },
                { "0A00001600000000FE80000000000000000000000000000102000000", "inet6 fe80::1%2 22" },
                { "0A000016000000000000000000000000000000000000000100", "inet6 short" },
                { "01002F746D702F7300", "local /tmp/s 6" },
                { "01002F746D702F73", "local /tmp/s 6" },
                { "0100006162", "local @ab 2" },
                { "010000", "local short" },
                { "01002F", "local short" },
                { "01000000", "local @ 0" },
                { "100000000500000003000000", "netlink 5 3" },
                { "10000000", "netlink short" },
                { "0000", "? none" },
                { "C800", "? none" },
                { "1100", "packet none" },
                { "2C00", "xdp none" },
                { "2D00", "? none" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Buf out = BUF_INIT;

                render(&out, str_from(rows[i].hex));
                assert_string_equal(buf_z(&out), rows[i].want);
                buf_done(&out);
        }
}

static void a_long_path_is_cut_at_the_end_of_the_structure(void **state) {
        SocketAddress a;
        char hex[2001];

        memset(hex, '4', sizeof(hex) - 1);
        hex[sizeof(hex) - 1] = 0;
        memcpy(hex, "0100", 4);
        assert_int_equal(decode_saddr(str_from(hex), &a), 0);
        assert_int_equal(a.n_path, 108);
        assert_int_equal(a.n_bytes, SADDR_MAX);
        assert_int_equal(a.path[108], 0);
}

static void system_calls_have_names(void **state) {
        static const struct {
                const char *arch;
                uint32_t number;
                const char *name;
        } rows[] = {
                { "c000003e", 257, "openat" },
                { "40000003", 102, "socketcall" },
                { "c00000b7", 56, "openat" },
                { "C000003E", 0, "read" },
                { "c000003e", 4096, NULL },
                { "0", 1, NULL },
                { "", 1, NULL },
                { "xyz", 1, NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int machine = decode_machine(str_from(rows[i].arch));
                const char *name = decode_syscall_name(machine, rows[i].number);

                if (!rows[i].name) {
                        assert_null(name);
                        continue;
                }
                assert_string_equal(name, rows[i].name);
                assert_int_equal(decode_syscall_number(machine, str_from(name)), rows[i].number);
        }
        assert_string_equal(decode_machine_name(decode_machine(STR("c000003e"))), "x86_64");
        assert_null(decode_machine_name(-1));
        assert_int_equal(decode_syscall_number(MACH_86_64, STR("no_such_call")), -1);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(same_kinds_as_the_library),
                cmocka_unit_test(text_is_decoded_by_name_and_type),
                cmocka_unit_test(execve_arguments_are_recognised),
                cmocka_unit_test(socket_addresses_are_values),
                cmocka_unit_test(a_long_path_is_cut_at_the_end_of_the_structure),
                cmocka_unit_test(system_calls_have_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
