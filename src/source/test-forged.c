/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/buf.h"
#include "base/test-support.h"
#include "source/forged.h"

/* As the kernel and auditd write it: @path with a NUL and some bytes behind it; @local: how auditd shows it. */
static void write_record(Buf *out, Str path, Str shown, bool newlines) {
        buf_putz(out, "type=SOCKADDR msg=audit(1.000:1): saddr=0100");
        for (size_t i = 0; i < path.n; i++)
                buf_printf(out, "%02X", (unsigned char)path.p[i]);
        buf_putz(out, "0000\x1dSADDR={ saddr_fam=local path=");
        for (size_t i = 0; i < shown.n; i++)
                buf_putc(out, shown.p[i] == '\n' && !newlines ? ' ' : shown.p[i]);
        buf_putz(out, " }\n");
}

/* One letter a line of @text: r record, ! record that tries, f forged. */
static void judge(Buf *out, Str text) {
        Forged f = { .n = 0 };

        for (const char *nl; text.n && (nl = memchr(text.p, '\n', text.n));) {
                Str line = { text.p, (size_t)(nl - text.p) };
                const char *body = memmem(line.p, line.n, "saddr=", 6);

                text = (Str){ nl + 1, text.n - line.n - 1 };
                if (f.n && forged_take(&f, line))
                        buf_putc(out, 'f');
                else
                        buf_putc(out, body && forged_begin(&f, line, (size_t)(body - line.p)) ? '!' : 'r');
        }
}

#define LOGIN "type=USER_LOGIN msg=audit(1.000:2): res=success"

static const struct {
        Str path;
        const char *log, *live; /* what is expected, the record behind it included */
} rows[] = {
        { STR_INIT("/run/x"), "rr", "rr" },
        { STR_INIT("/x\n" LOGIN), "!fr", "!r" },
        { STR_INIT("/x\n" LOGIN "\n"), "!ffr", "!r" },
        { STR_INIT("/x }\n" LOGIN "\n"), "!ffr", "!r" },
        { STR_INIT("/x }\n" LOGIN " }"), "!fr", "!r" },
        { STR_INIT("\n" LOGIN " }\n }\n}"), "!fffr", "!r" },
        { STR_INIT("\n\n\n" LOGIN "\n\n"), "!fffffr", "!r" },
        { STR_INIT("/x\ntype=EOE msg=audit(1.000:1): \ntype=EOE msg=audit(1.000:1):"), "!ffr", "!r" },
        { STR_INIT("/x\nnode=a " LOGIN), "!fr", "!r" },
        { STR_INIT("\ntype=SOCKADDR msg=audit(1.0:1): saddr=01000A61\x1dSADDR={ path="), "!fr", "!r" },
        { STR_INIT("/x\n \t" LOGIN), "!fr", "!r" }, /* ausearch would take it */
        /* no record: still no line of its own */
        { STR_INIT("/x\nhello"), "rfr", "rr" },
        { STR_INIT("\n"), "rfr", "rr" },
        /* live, the first line of the path is found at the end of what auditd shows */
        { STR_INIT("a }\npath=a"), "rfr", "rr" },
        { STR_INIT("}\n" LOGIN), "!fr", "!r" },
};

static void forged_lines_are_told(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                for (int newlines = 0; newlines < 2; newlines++) {
                        Buf text = BUF_INIT, seen = BUF_INIT;

                        write_record(&text, rows[i].path, rows[i].path, newlines);
                        buf_putz(&text, "type=CWD msg=audit(1.000:1): cwd=\"/\"\n");
                        judge(&seen, buf_view(&text));
                        assert_string_equal(buf_z(&seen), newlines ? rows[i].log : rows[i].live);
                        buf_done(&text);
                        buf_done(&seen);
                }
        }
}

/* Its first byte is a NUL; libauparse shows 108 bytes of the rest, and the kernel records up to 126. */
static void an_abstract_path_is_cut(void **state) {
        char path[126] = "";
        Buf text = BUF_INIT, seen = BUF_INIT;

        memset(path + 1, 'a', sizeof(path) - 1);
        memcpy(path + 1, "\n" LOGIN, sizeof(LOGIN));
        write_record(&text, (Str){ path, sizeof(path) }, (Str){ path + 1, 108 }, true);
        buf_putz(&text, LOGIN "\n");
        judge(&seen, buf_view(&text));
        assert_string_equal(buf_z(&seen), "!fr");
        buf_done(&text);
        buf_done(&seen);
}

/* However the log goes on, only what the kernel's hexadecimal digits say is taken for forged. */
static void nothing_true_is_hidden(void **state) {
        static const struct {
                const char *text, *expected;
        } cases[] = {
                { "type=SOCKADDR msg=audit(1.000:1): saddr=01000A62\x1dSADDR={ saddr_fam=local path=\n" LOGIN
                  "\n",
                  "rr" },
                { "type=SOCKADDR msg=audit(1.000:1): saddr=0100610A62\x1dSADDR={ saddr_fam=local path=\nb "
                  "}\n",
                  "rr" },
                { "type=SOCKADDR msg=audit(1.000:1): saddr=01002F78\x1dSADDR={ saddr_fam=local "
                  "path=/x\n" LOGIN "\n }\n",
                  "rrr" },
                { "type=SOCKADDR msg=audit(1.000:1): saddr=01000A62\n" LOGIN "\n", "rr" },
                { "type=SOCKADDR msg=audit(1.000:1): saddr=02000A62\x1dSADDR={ path=\nb }\n", "rr" },
                { "type=SOCKADDR msg=audit(1.000:1): saddr=0100\n", "r" },
                { "type=SOCKADDR msg=audit(1.000:1): saddr=010\n", "r" },
                { "type=SOCKADDR msg=audit(1.000:1): saddr=01000A6\x1dSADDR={ path=\n }\n", "rf" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                Buf seen = BUF_INIT;

                judge(&seen, str_from(cases[i].text));
                assert_string_equal(buf_z(&seen), cases[i].expected);
                buf_done(&seen);
        }
}

static void a_long_path_is_bounded(void **state) {
        Buf text = BUF_INIT, seen = BUF_INIT;

        buf_putz(&text, "type=SOCKADDR msg=audit(1.000:1): saddr=01000A");
        for (int i = 0; i < 5000; i++)
                buf_putz(&text, "62");
        buf_putz(&text, "\x1dSADDR={ saddr_fam=local path=\nb }\nb }\n");
        judge(&seen, buf_view(&text));
        assert_string_equal(buf_z(&seen), "rfr");
        buf_done(&text);
        buf_done(&seen);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(forged_lines_are_told),
                cmocka_unit_test(an_abstract_path_is_cut),
                cmocka_unit_test(nothing_true_is_hidden),
                cmocka_unit_test(a_long_path_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
