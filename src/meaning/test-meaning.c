/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "meaning/meaning.h"
#include "record/header.h"

static HeaderCache headers;
static Meaning *meaning;
static FieldVec fields;
static char line[4096];

static void begin(Record *r, const char *text) {
        RecordId id;
        size_t n = strlen(text);

        assert_true(n + RECORD_SLACK < sizeof(line));
        memset(line, 0, sizeof(line));
        memcpy(line, text, n);
        assert_int_equal(header_parse(&headers, (Str){ line, n }, r, &id), 0);
        assert_int_equal(field_split(&fields, r), 0);
        meaning_begin(meaning, r, &fields);
}

/* "name=text" of each field whose text is not its value, with blanks between. */
static void render(const char *text, char *ret, size_t n) {
        Record r = { 0 };
        size_t at = 0;

        *ret = 0;
        begin(&r, text);
        for (size_t i = 0; i < fields.n; i++) {
                const Field *f = &fields.v[i];
                Str t;

                if (meaning_text(meaning, f, &t))
                        at += (size_t)snprintf(ret + at, n - at, "%s" STR_FMT "=" STR_FMT, at ? " " : "",
                                               STR_ARG(f->name), STR_ARG(t));
        }
}

#define CALL(_number) \
        "type=SYSCALL msg=audit(1.001:1): arch=c000003e syscall=" #_number " success=yes exit=0 "
#define HEAD(_type) "type=" #_type " msg=audit(1.001:1): "

static const struct {
        const char *line, *want;
} rows[] = {
        { CALL(257) "a0=ffffff9c a1=7ffd1234 a2=80000 a3=0",
          "arch=x86_64 syscall=openat a0=AT_FDCWD a1=0x7ffd1234 a2=O_RDONLY|O_CLOEXEC a3=0x0" },
        { CALL(41) "a0=2 a1=1 a2=6 a3=0", "arch=x86_64 syscall=socket a0=inet a1=SOCK_STREAM a2=tcp a3=0x0" },
        { CALL(106) "a0=ffffffff a1=0 a2=0 a3=0",
          "arch=x86_64 syscall=setgid a0=unset a1=0x0 a2=0x0 a3=0x0" },
        { CALL(62) "a0=10 a1=9 a2=0 a3=0", "arch=x86_64 syscall=kill a0=0x10 a1=SIGKILL a2=0x0 a3=0x0" },
        { CALL(105) "a0=0 a1=0 a2=0 a3=0", "arch=x86_64 syscall=setuid a0=root a1=0x0 a2=0x0 a3=0x0" },
        { CALL(92) "a0=1 a1=0 a2=ffffffff a3=0",
          "arch=x86_64 syscall=chown a0=0x1 a1=root a2=0xffffffff a3=0x0" },
        /* the third argument of open means something only with O_CREAT (0x40) in the second */
        { CALL(2) "a0=1 a1=40 a2=1a4 a3=0",
          "arch=x86_64 syscall=open a0=0x1 a1=O_RDONLY|O_CREAT a2=0644 a3=0x0" },
        { CALL(2) "a0=1 a1=0 a2=1a4 a3=0", "arch=x86_64 syscall=open a0=0x1 a1=O_RDONLY a2=0x1a4 a3=0x0" },
        { CALL(72) "a0=1 a1=8 a2=0 a3=0", "arch=x86_64 syscall=fcntl a0=0x1 a1=F_SETOWN a2=root a3=0x0" },
        { CALL(72) "a0=1 a1=1 a2=0 a3=0", "arch=x86_64 syscall=fcntl a0=0x1 a1=F_GETFD a2=0x0 a3=0x0" },
        { CALL(9999) "a0=1", "arch=x86_64 syscall=unknown-syscall(9999) a0=0x1" },
        { "type=SYSCALL msg=audit(1.001:1): arch=40000003 syscall=102 success=no exit=-111 a0=3 a1=1",
          "arch=i386 syscall=socketcall(connect) exit=ECONNREFUSED(Connection refused) a0=connect a1=0x1" },
        { HEAD(SYSCALL) "uid=0 gid=0 auid=4294967295 ses=4294967295",
          "uid=root gid=root auid=unset ses=unset" },
        { HEAD(SYSCALL) "uid=7\x1DUID=\"mallory\"", "uid=mallory" },
        { HEAD(SYSCALL) "uid=0 uid=0\x1DUID=\"one\" UID=\"two\"", "uid=one uid=one" },
        { HEAD(SYSCALL) "arch=c000003e syscall=1\x1D"
                        "ARCH=unknown-arch SYSCALL=other",
          "arch=x86_64 syscall=other" },
        { HEAD(SYSCALL) "uid=0\x1DUID=\"0\"", "" },
        { HEAD(SOCKADDR) "saddr=020000167F0000010000000000000000",
          "saddr={ saddr_fam=inet laddr=127.0.0.1 lport=22 }" },
        { HEAD(SOCKADDR) "saddr=020000167F0000010000000000000000\x1DSADDR={ saddr_fam=inet laddr=192.0.2.1 "
                         "lport=1 }",
          "saddr={ saddr_fam=inet laddr=192.0.2.1 lport=1 }" },
        { HEAD(SOCKADDR) "saddr=020000167F0000010000000000000000\x1DSADDR={ saddr_fam=inet",
          "saddr={ saddr_fam=inet laddr=127.0.0.1 lport=22 }" },
        { HEAD(SOCKADDR) "saddr=01002F0A62", "saddr={ saddr_fam=local path=/\\012b }" },
        { HEAD(SOCKADDR) "saddr=C8000000", "saddr=unknown-family(200)" },
        { HEAD(PATH) "name=2F746D702F6120621B mode=0100644 ouid=0 cap_fp=0 nametype=NORMAL",
          "name=/tmp/a b\\033 mode=file,644 ouid=root cap_fp=none" },
        { HEAD(PATH) "name=(null) mode=041777", "mode=dir,sticky,777" },
        { HEAD(PATH) "name=\"/tmp/6162\"", "" },
        { HEAD(CWD) "cwd=\"/a\"", "" },
        { HEAD(PROCTITLE) "proctitle=6C73002D6C00", "proctitle=ls -l " },
        { HEAD(PROCTITLE) "proctitle=\"ls\"", "" },
        { HEAD(EXECVE) "argc=2 a0=\"ls\" a1=2D6C a1_len=12", "a1=-l" },
        { HEAD(SYSCALL) "key=6101620163", "key=a\x01"
                                          "b\x01"
                                          "c" },
        { HEAD(SYSCALL) "key=\"a\"", "" },
        { HEAD(SYSCALL) "key=(null)", "" },
        { HEAD(USER_LOGIN) "uid=0 msg='op=login acct=726F6F7420 res=failed'", "uid=root acct=root " },
        { HEAD(USER_LOGIN) "msg='op=login acct=user res=0'", "res=no" },
        { HEAD(USER_LOGIN) "msg='op=login id=0 res=1'", "id=root res=yes" },
        { HEAD(ADD_GROUP) "msg='id=0'", "id=root" },
        { HEAD(ANOM_ABEND) "sig=11 res=1", "sig=SIGSEGV res=yes" },
        { HEAD(AVC) "avc:  denied  { read  write } for  pid=1 comm=\"a\" saddr=1.2.3.4",
          "seperms=read,write" },
        { HEAD(TTY) "data=6C730D", "data=\"ls\",<ret>" },
        { HEAD(USER_MSG) "op=a\x02"
                         "b",
          "op=a\\002b" },
        { HEAD(USER_MSG) "uid=99999999999999999999", "uid=conversion error(99999999999999999999)" },
        { HEAD(USER_MSG) "uid=junk", "uid=root" }, /* as strtoul() has it; libauparse says the same */
};

static void fields_mean_what_libauparse_says(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char got[2048];

                render(rows[i].line, got, sizeof(got));
                if (strcmp(got, rows[i].want))
                        fail_msg("%s\n got  %s\n want %s", rows[i].line, got, rows[i].want);
                render(rows[i].line, got, sizeof(got)); /* remembered now */
                assert_string_equal(got, rows[i].want);
        }
}

static void remembered_answers_depend_on_their_context(void **state) {
        char got[512];

        for (int i = 0; i < 3; i++) {
                render(CALL(9) "a0=0 a1=1000 a2=3 a3=22", got, sizeof(got));
                assert_non_null(strstr(got, "a2=PROT_READ|PROT_WRITE a3=MAP_PRIVATE|MAP_ANONYMOUS"));
                render(CALL(0) "a0=0 a1=1000 a2=3 a3=22", got, sizeof(got));
                assert_non_null(strstr(got, "a2=0x3 a3=0x22"));
                render(HEAD(PATH) "flags=3", got, sizeof(got));
                assert_string_equal(got, "flags=follow,directory");
                render(HEAD(MMAP) "flags=3", got, sizeof(got));
                assert_string_equal(got, "flags=MAP_SHARED|MAP_PRIVATE");
        }
}

static void pointers_never_reach_the_cache(void **state) {
        char text[256], got[512];
        uint64_t misses;

        render(CALL(0) "a0=3 a1=7ffd00000000 a2=10 a3=0", got, sizeof(got));
        misses = meaning_counters(meaning)->cache_misses;
        for (unsigned i = 0; i < 1000; i++) {
                snprintf(text, sizeof(text), CALL(0) "a0=3 a1=7ffd%08x a2=%x a3=7f%x", i * 16, i, i);
                render(text, got, sizeof(got));
        }
        assert_int_equal(meaning_counters(meaning)->cache_misses, misses);
}

static void many_enriched_fields_are_found(void **state) {
        char text[3500], got[3500];
        size_t n = (size_t)snprintf(text, sizeof(text), HEAD(USER_MSG) "f99=x f0=y f100=z\x1D");

        for (int i = 0; i < 100; i++)
                n += (size_t)snprintf(text + n, sizeof(text) - n, "F%d=v%d ", i, i);
        render(text, got, sizeof(got));
        assert_string_equal(got, "f99=v99 f0=v0");
}

static void ids_have_names(void **state) {
        assert_true(str_eq(meaning_user(meaning, 0), STR("root")));
        assert_true(str_eq(meaning_group(meaning, UINT32_MAX), STR("unset")));
        assert_true(meaning_knows_user(meaning, STR("root")));
        assert_false(meaning_knows_user(meaning, STR("no such account")));
}

static int setup(void **state) { return meaning_new(&meaning); }

static int teardown(void **state) {
        meaning_free(meaning);
        field_vec_done(&fields);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(fields_mean_what_libauparse_says),
                cmocka_unit_test(remembered_answers_depend_on_their_context),
                cmocka_unit_test(pointers_never_reach_the_cache),
                cmocka_unit_test(many_enriched_fields_are_found),
                cmocka_unit_test(ids_have_names),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
