/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include "base/buf.h"
#include "base/test-support.h"
#include "record/count.h"
#include "record/header.h"

static const struct {
        const char *in;
        int want;       /* of header_parse() */
        const char *id; /* node/sec.ms:serial, type, body */
} strict[] = {
        { "type=SYSCALL msg=audit(1795336282.722:116530): arch=c000003e", 0,
          "/1795336282.722:116530 1300 arch=c000003e" },
        { "node=web1 type=EOE msg=audit(1.020:3): ", 0, "web1/1.20:3 1320 " },
        { "type=UNKNOWN[1423] msg=audit(1.000:3): a=1", 0, "/1.0:3 1423 a=1" },
        { "type=NOSUCH msg=audit(1.000:3): a=1", 0, "/1.0:3 -1 a=1" },
        { "type=1300 msg=audit(1.000:3):", 0, "/1.0:3 1300 " },
        { "type=CWD msg=audit(99999999999.999:18446744073709551): cwd=\"/\"", 0,
          "/99999999999.999:18446744073709551 1307 cwd=\"/\"" },
        { "", HEADER_E_NO_RECORD, NULL },
        { "type=SYSCALL", HEADER_E_NO_RECORD, NULL },
        { "Type=SYSCALL msg=audit(1.000:3): ", HEADER_E_NO_RECORD, NULL },
        { "type= msg=audit(1.000:3): a=1", HEADER_E_NO_RECORD, NULL },
        { "type=SYSCALL msg=audi(1.000:3): a=1", HEADER_E_NO_RECORD, NULL },
        { "node= type=SYSCALL msg=audit(1.000:3): a=1", HEADER_E_NO_RECORD, NULL },
        { "node=type=SYSCALL msg=audit(1.000:3): a=1", HEADER_E_NO_RECORD, NULL },
        { "type=SYSCALL msg=audit(1.000:3", HEADER_E_NO_END, NULL },
        { "type=SYSCALL msg=audit(1.000:3)", HEADER_E_NO_END, NULL },
        { "type=SYSCALL msg=audit(1.0000:3): a=1", HEADER_E_NO_END, NULL },
        { "type=SYSCALL msg=audit(-1.000:3): a=1", HEADER_E_NO_END, NULL },
        { "type=SYSCALL msg=audit(.000:3): a=1", HEADER_E_NO_END, NULL },
        { "type=SYSCALL msg=audit(1.000:): a=1", HEADER_E_NO_END, NULL },
        { "type=SYSCALL msg=audit(123456789012.000:3): a=1", HEADER_E_NO_END, NULL },
};

static void test_strict_headers(void **state) {
        HeaderCache *cache = calloc(1, sizeof(*cache));

        for (size_t i = 0; i < 2 * ARRAY_SIZE(strict); i++) { /* twice: from a cold and a warm cache */
                size_t k = i % ARRAY_SIZE(strict);
                Record r = { 0 };
                RecordId id;
                char got[256];

                assert_int_equal(header_parse(cache, test_guarded(str_from(strict[k].in), ')'), &r, &id),
                                 strict[k].want);
                if (strict[k].want)
                        continue;
                snprintf(got, sizeof(got), STR_FMT "/%lld.%u:%llu %d " STR_FMT, STR_ARG(id.node),
                         (long long)id.sec, id.ms, (unsigned long long)id.serial, r.type,
                         STR_ARG(record_body(&r)));
                assert_string_equal(got, strict[k].id);
                assert_int_equal(!!(r.flags & RECORD_NODE), id.node.n > 0);
        }
        free(cache);
}

/* A remembered stamp that is the beginning of the next one must not be taken for it. */
static void test_cache_compares_whole_stamps(void **state) {
        HeaderCache *cache = calloc(1, sizeof(*cache));
        Record r = { 0 };
        RecordId id;

        assert_int_equal(header_parse(cache, test_guarded(STR("type=CWD msg=audit(1.000:3): "), 0), &r, &id),
                         0);
        assert_int_equal(header_parse(cache, test_guarded(STR("type=CWD msg=audit(1.000:34): "), 0), &r, &id),
                         0);
        assert_int_equal(id.serial, 34);
        assert_int_equal(header_parse(cache, test_guarded(STR("type=CWD msg=audit(1.000:3"), ')'), &r, &id),
                         HEADER_E_NO_END);
        free(cache);
}

static void test_type_cache_survives_more_names_than_it_holds(void **state) {
        HeaderCache *cache = calloc(1, sizeof(*cache));

        for (int i = 0; i < 3000; i++) {
                char line[80];
                Record r = { 0 };
                RecordId id;

                snprintf(line, sizeof(line), "type=UNKNOWN[%d] msg=audit(1.000:3): ", i);
                assert_int_equal(header_parse(cache, test_guarded(str_from(line), ' '), &r, &id), 0);
                assert_int_equal(r.type, i);
        }
        free(cache);
}

/* The counts follow from the rules of libauparse 3.0.9 for each shape; the differential test runs the library itself. */
static void test_counts_as_libauparse(void **state) {
        static const struct {
                const char *in;
                unsigned want;
        } rows[] = {
                { "type=SYSCALL msg=audit(1.000:3): arch=c000003e a1=2  key=(null)", 4 },
                { "type=SYSCALL msg=audit(1.000:3): key=\"a\" key=6101620163",
                  5 }, /* one quoted, three by 0x01 */
                { "type=SYSCALL msg=audit(1.000:3): key=0101", 1 },
                { "type=SYSCALL msg=audit(1.000:3): (key=61 monkey=1 msg=b a= =b x", 5 },
                { "type=USER_LOGIN msg=audit(1.000:3): msg='op=login id=0 res=success'", 4 },
                { "type=USER_LOGIN msg=audit(1.000:3): msg='op x=1 msg=audit msg=", 2 },
                { "type=SYSCALL msg=audit(1.000:3): a=1\x1dUID=\"root\"", 2 },
                { "type=AVC msg=audit(1.000:3): avc:  denied  { read } for  pid=1", 4 },
                { "node=n type=AVC msg=audit(1.000:3): avc:  denied  { read } for  pid=1", 5 },
        };
        HeaderCache *cache = calloc(1, sizeof(*cache));

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Str line = test_guarded(str_from(rows[i].in), '=');
                Record r = { 0 };
                RecordId id;
                int type;
                bool bad;

                assert_int_equal(header_parse(cache, line, &r, &id), 0);
                assert_int_equal(count_fields(&r, &bad), rows[i].want);
                assert_int_equal(count_fields_of_text(line, &type, &bad), rows[i].want);
                assert_int_equal(type, r.type);
        }
        free(cache);
}

/* What libauparse 3.0.9 reads out of lines that the strict reading refuses; the differential fuzzer found each. */
static void test_odd_lines_read_as_libauparse(void **state) {
        static const struct {
                const char *in;
                int want, type;
                int32_t n_fields;
                bool bad;
        } rows[] = {
                { "type=PROCTITLE msg=audit(2.0:3):", HEADER_E_NO_RECORD, 0, 0, false },
                { "type=PROCTITLE msg=audit(2.00:3):", HEADER_E_NO_RECORD, 0, 0, false },
                { "type=PROCTITLE msg=audit(2.000:3):", 0, AUDIT_PROCTITLE, 1, false },
                { "\x1d 456789012345(1.2:3)", 0, 0, 0, true },
                { "called aaaaaaaaaaaaa(1.2:3)", 0, 0, 0, false },
                { "node=a type=UNKNOWN[1300xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx] "
                  "msg=audit(1.000:3):",
                  0, 1300, 2, false },
                { "node=a type=UNKNOWN[1300xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx "
                  "msg=audit(1.000:3):",
                  0, -1, 2, false },
                { "node=a type=00000000000000000000000000000000000000000000000000000000001300 "
                  "msg=audit(1.000:3):",
                  0, 1300, 2, false },
                { "node=a type=0000000000000000000000000000000000000000000000000000000000x1300 "
                  "msg=audit(1.000:3):",
                  0, 0, 2, false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Record r = { 0 };
                RecordId id;
                bool bad = false;

                assert_int_equal(header_parse_compat(test_guarded(str_from(rows[i].in), ':'), &r, &id, &bad),
                                 rows[i].want);
                if (rows[i].want)
                        continue;
                assert_int_equal(r.type, rows[i].type);
                assert_int_equal(r.n_fields, rows[i].n_fields);
                assert_int_equal(bad, rows[i].bad);
        }
}

/* The fast count works in blocks of 64 bytes: every alignment of every kind of word against the word-by-word count. */
static void test_counts_do_not_depend_on_alignment(void **state) {
        static const char *const words[] = {
                "key=\"x\"",
                "key=61016201",
                "msg='a=1'",
                "msg=audit(x",
                "a=",
                "b=1",
                "word",
                "(key=(null)",
                "=",
                "=x",
                "monkey=7",
                "e",
                "loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong=1"
        };
        HeaderCache *cache = calloc(1, sizeof(*cache));

        for (unsigned pad = 0; pad < 140; pad++) {
                for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
                        Buf b = BUF_INIT;
                        Record r = { 0 };
                        RecordId id;
                        int type;
                        bool bad;
                        Str line;

                        buf_printf(&b, "type=SYSCALL msg=audit(1.000:3): x=%0*d %s %s c=2", (int)pad + 1, 0,
                                   words[w], words[(w + 3) % ARRAY_SIZE(words)]);
                        line = test_guarded(buf_view(&b), '=');
                        assert_int_equal(header_parse(cache, line, &r, &id), 0);
                        assert_int_equal(count_fields(&r, &bad), count_fields_of_text(line, &type, &bad));
                        munmap((void *)((uintptr_t)line.p & ~4095ul), 8192);
                        buf_done(&b);
                }
        }
        free(cache);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_strict_headers),
                cmocka_unit_test(test_cache_compares_whole_stamps),
                cmocka_unit_test(test_type_cache_survives_more_names_than_it_holds),
                cmocka_unit_test(test_counts_as_libauparse),
                cmocka_unit_test(test_odd_lines_read_as_libauparse),
                cmocka_unit_test(test_counts_do_not_depend_on_alignment),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
