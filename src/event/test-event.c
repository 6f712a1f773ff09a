/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include "base/test-support.h"
#include "event/event.h"

typedef struct {
        EventAssembler *a;
        Buf seen; /* "id:n:end|", + in front of a late one */
        Buf text; /* the lines given last */
} Fixture;

static void on_event(void *userdata, const Event *e) {
        Fixture *f = userdata;
        uint32_t n = 0;

        if (e->late)
                buf_putc(&f->seen, '+');
        event_id_format(&f->seen, &e->id);
        for (const Record *r = e->records; r; r = r->next) {
                assert_non_null(memmem(r->text.p, r->text.n, "msg=audit(", 10));
                n++;
        }
        assert_int_equal(n, e->n_records);
        buf_printf(&f->seen, "*%u:%s|", e->n_records, event_end_name(e->ended));
}

static void start(Fixture *f, EventMode mode, const EventLimits *limits) {
        *f = (Fixture){ .seen = BUF_INIT, .text = BUF_INIT };
        assert_int_equal(event_assembler_new(&f->a, mode, limits, on_event, f), 0);
}

static void stop(Fixture *f) {
        event_assembler_free(f->a);
        buf_done(&f->seen);
        buf_done(&f->text);
}

static void expect(Fixture *f, const char *want) {
        assert_string_equal(buf_z(&f->seen), want);
        buf_clear(&f->seen);
}

/* "TYPE [node/]sec.ms:serial" for each record; every line is given from memory that is overwritten before the next. */
static void give(Fixture *f, const char *spec) {
        static char memory[4096];
        char type[64], node[300], stamp[64];
        int n = 0;

        for (const char *p = spec; sscanf(p, " %63s %63s%n", type, stamp, &n) == 2; p += n) {
                char *slash = strchr(stamp, '/');

                node[0] = 0;
                if (slash) {
                        *slash = 0;
                        snprintf(node, sizeof(node), "node=%s ", stamp);
                }
                event_detach(f->a);
                memset(memory, 'X', sizeof(memory));
                snprintf(memory, sizeof(memory) - STR_SLACK, "%stype=%s msg=audit(%s): a=1", node, type,
                         slash ? slash + 1 : stamp);
                assert_int_equal(event_add(f->a, str_from(memory)), 0);
        }
}

static void test_delivers_at_completion(void **state) {
        Fixture f;

        start(&f, EVENT_DEFAULT, NULL);
        give(&f, "SYSCALL 1.000:1 PATH 1.000:1");
        expect(&f, "");
        give(&f, "PROCTITLE 1.000:1");
        expect(&f, "1.000:1*3:terminal|");
        give(&f, "USER_LOGIN 1.000:2");
        expect(&f, "1.000:2*1:terminal|");
        give(&f, "SYSCALL 1.001:3 EOE 1.001:3");
        expect(&f, "1.001:3*2:terminal|");
        stop(&f);
}

static void test_login_waits_for_its_syscall(void **state) {
        Fixture f;

        start(&f, EVENT_DEFAULT, NULL);
        give(&f, "LOGIN 1.000:1 SYSCALL 1.000:1 PROCTITLE 1.000:1 MAC_UNLBL_ALLOW 1.000:2 SYSCALL 1.000:2 "
                 "PROCTITLE 1.000:2");
        expect(&f, "1.000:1*3:terminal|1.000:2*3:terminal|");
        stop(&f);
}

static void test_interleaved_events_stay_apart(void **state) {
        Fixture f;

        start(&f, EVENT_DEFAULT, NULL);
        give(&f, "SYSCALL 1.000:1 SYSCALL 1.000:2");
        give(&f, "SYSCALL a/1.000:1 CWD 1.000:1 CWD 1.000:2 PROCTITLE 1.000:2 PROCTITLE 1.000:1 PROCTITLE "
                 "a/1.000:1");
        expect(&f, "1.000:2*3:terminal|1.000:1*3:terminal|a/1.000:1*2:terminal|");
        stop(&f);
}

static void test_eoe_alone_is_counted(void **state) {
        Fixture f;

        start(&f, EVENT_DEFAULT, NULL);
        give(&f, "SYSCALL 1.000:1 PROCTITLE 1.000:1 EOE 1.000:1 EOE 1.000:9");
        expect(&f, "1.000:1*2:terminal|");
        assert_int_equal(event_counters(f.a)->eoe, 2);
        stop(&f);
}

static void test_late_records_are_marked(void **state) {
        Fixture f;

        start(&f, EVENT_DEFAULT, NULL);
        give(&f, "SYSCALL 1.000:1 PROCTITLE 1.000:1 PATH 1.000:1");
        event_flush(f.a);
        expect(&f, "1.000:1*2:terminal|+1.000:1*1:eof|");
        assert_int_equal(event_counters(f.a)->late_records, 1);
        stop(&f);
}

static void test_node_clock_ends_events(void **state) {
        Fixture f;

        start(&f, EVENT_DEFAULT, NULL);
        give(&f, "SYSCALL 10.500:1 SYSCALL b/10.500:1 SYSCALL 12.499:2");
        expect(&f, "");
        give(&f, "SYSCALL 12.500:3");
        expect(&f, "10.500:1*1:timeout|");
        event_flush(f.a); /* the other node's clock stood still */
        expect(&f, "b/10.500:1*1:eof|12.499:2*1:eof|12.500:3*1:eof|");
        stop(&f);
}

static void test_torn_events_are_counted(void **state) {
        Fixture f;

        start(&f, EVENT_DEFAULT, NULL);
        give(&f, "SYSCALL 10.000:1 PATH 10.000:1 AVC 10.000:2 CONFIG_CHANGE 10.000:3 AVC 10.000:4 SYSCALL "
                 "10.000:4");
        give(&f, "SYSCALL 10.000:5 PROCTITLE 10.000:5 SYSCALL 13.000:6");
        assert_int_equal(event_counters(f.a)->end_timeout, 4);
        assert_int_equal(event_counters(f.a)->torn, 2);
        event_flush(f.a); /* the end of the input cuts nothing short */
        assert_int_equal(event_counters(f.a)->torn, 2);
        stop(&f);
}

static void test_clock_set_back_ends_nothing(void **state) {
        Fixture f;

        start(&f, EVENT_DEFAULT, NULL);
        give(&f, "SYSCALL 1000.000:1 SYSCALL 10.000:2 SYSCALL 11.999:3");
        expect(&f, "");
        give(&f, "SYSCALL 12.000:4"); /* two seconds of progress since both opened */
        expect(&f, "1000.000:1*1:timeout|10.000:2*1:timeout|");
        stop(&f);
}

static void test_disorder_is_no_progress(void **state) {
        Fixture f;

        start(&f, EVENT_DEFAULT, NULL);
        for (int i = 0; i < 40; i++) {
                char spec[80];

                snprintf(spec, sizeof(spec), "SYSCALL 10.900:%d SYSCALL 10.100:%d", 2 * i + 1, 2 * i + 2);
                give(&f, spec);
        }
        expect(&f, "");
        stop(&f);
}

static void test_monotonic_ageing(void **state) {
        const uint64_t s = 1000000000ull;
        Fixture f;

        start(&f, EVENT_DEFAULT, NULL);
        assert_true(event_next_deadline(f.a) == UINT64_MAX);
        event_set_now(f.a, 5 * s);
        give(&f, "SYSCALL 1.000:1");
        event_set_now(f.a, 6 * s);
        give(&f, "SYSCALL 1.000:2");
        assert_true(event_next_deadline(f.a) == 7 * s);
        event_age(f.a, 7 * s - 1);
        expect(&f, "");
        event_age(f.a, 7 * s);
        expect(&f, "1.000:1*1:timeout|");
        assert_true(event_next_deadline(f.a) == 8 * s);
        stop(&f);
}

static void test_limits_deliver_early_and_count(void **state) {
        EventLimits limits = EVENT_LIMITS_DEFAULT;
        Fixture f;

        limits.open_events = 2;
        limits.event_records = 3;
        start(&f, EVENT_DEFAULT, &limits);
        give(&f, "SYSCALL 1.000:1 SYSCALL 1.000:2 SYSCALL 1.000:3");
        expect(&f, "1.000:1*1:limit|");
        give(&f, "PATH 1.000:2 PATH 1.000:2 PATH 1.000:2");
        expect(&f, "1.000:2*3:limit|");
        event_flush(f.a);
        expect(&f, "1.000:3*1:eof|+1.000:2*1:eof|");
        assert_int_equal(event_counters(f.a)->limit_open, 1);
        assert_int_equal(event_counters(f.a)->limit_records, 1);
        assert_int_equal(event_counters(f.a)->end_limit, 2);
        stop(&f);
}

static void test_whole_files_are_put_in_order(void **state) {
        Fixture f;

        start(&f, EVENT_WHOLE, NULL);
        give(&f, "PROCTITLE 50.000:3 SYSCALL 1.000:2 EOE 1.000:2 SYSCALL 1.000:1 PATH b/50.000:3");
        give(&f, "PATH 1.000:2 SYSCALL 0.999:9 USER_LOGIN 50.000:3 EOE 7.000:7");
        expect(&f, "");
        event_flush(f.a);
        expect(&f, "0.999:9*1:eof|1.000:1*1:eof|1.000:2*3:eof|50.000:3*2:eof|b/50.000:3*1:eof|");
        stop(&f);
}

static void test_whole_files_have_limits(void **state) {
        EventLimits limits = EVENT_LIMITS_DEFAULT;
        Fixture f;

        limits.open_events = 2;
        start(&f, EVENT_WHOLE, &limits);
        give(&f, "SYSCALL 3.000:3 PROCTITLE 3.000:3 SYSCALL 2.000:2 SYSCALL 1.000:1 PATH 3.000:3");
        expect(&f, "3.000:3*2:limit|2.000:2*1:limit|");
        event_flush(f.a);
        expect(&f, "1.000:1*1:eof|+3.000:3*1:eof|");
        stop(&f);
}

static void test_bytes_are_limited(void **state) {
        EventLimits limits = EVENT_LIMITS_DEFAULT;
        Fixture f;

        limits.event_bytes = 80; /* a line is 33 */
        start(&f, EVENT_DEFAULT, &limits);
        give(&f, "PATH 1.000:1 PATH 1.000:1 PATH 1.000:1");
        expect(&f, "1.000:1*2:limit|");
        assert_int_equal(event_counters(f.a)->limit_bytes, 1);
        stop(&f);
        limits.event_bytes = 1 << 20;
        limits.total_bytes = 2000;
        start(&f, EVENT_DEFAULT, &limits);
        for (int i = 0; i < 50; i++)
                give(&f, "PATH 1.000:1 PATH 1.000:2");
        assert_true(event_counters(f.a)->limit_total > 0);
        event_flush(f.a);
        assert_int_equal(event_counters(f.a)->records, 100);
        stop(&f);
}

static void test_nodes_are_limited(void **state) {
        EventLimits limits = EVENT_LIMITS_DEFAULT;
        char spec[80];
        Fixture f;

        limits.nodes = 4;
        start(&f, EVENT_DEFAULT, &limits);
        give(&f, "SYSCALL keeper/1.000:1");
        for (int i = 0; i < 100; i++) {
                snprintf(spec, sizeof(spec), "USER_LOGIN n%d/1.000:1", i);
                give(&f, spec);
        }
        assert_in_range(event_counters(f.a)->limit_nodes, 90, 100);
        buf_clear(&f.seen);
        give(&f, "PROCTITLE keeper/1.000:1"); /* an open event keeps its node */
        expect(&f, "keeper/1.000:1*2:terminal|");
        stop(&f);
}

static void test_no_record_is_counted(void **state) {
        Fixture f;
        static char line[128] = "rubbish";

        start(&f, EVENT_DEFAULT, NULL);
        assert_int_equal(event_add(f.a, (Str){ line, 7 }), EVENT_E_NO_RECORD);
        strcpy(line, "type=CWD msg=audit(1.000:1 cwd=x");
        assert_int_equal(event_add(f.a, str_from(line)), EVENT_E_NO_END);
        assert_int_equal(event_counters(f.a)->bad_header, 2);
        assert_int_equal(event_counters(f.a)->lines, 2);
        stop(&f);
}

/* The order of libauparse's feed: oldest first, and a finished event waits behind an older unfinished one. */
static void test_auparse_order(void **state) {
        Fixture f;

        start(&f, EVENT_AUPARSE, NULL);
        give(&f, "SYSCALL 1.000:1 SYSCALL 1.000:2 PROCTITLE 1.000:2");
        expect(&f, "");
        give(&f, "PROCTITLE 1.000:1");
        expect(&f, "1.000:1*2:terminal|1.000:2*2:terminal|");
        give(&f, "LOGIN 1.000:3 SYSCALL 1.000:3"); /* 3.0.9 ends the event at LOGIN */
        expect(&f, "1.000:3*1:terminal|");
        give(&f, "SYSCALL x/3.000:1");     /* any node's clock, whole seconds */
        expect(&f, "+1.000:3*1:timeout|"); /* the same identity again */
        event_flush(f.a);
        expect(&f, "x/3.000:1*1:eof|");
        stop(&f);
}

static void test_last_types(void **state) {
        static const struct {
                int type;
                bool last;
        } rows[] = {
                { AUDIT_USER, true },
                { AUDIT_LOGIN, false },
                { 1007, true },
                { 1299, true },
                { AUDIT_SYSCALL, false },
                { AUDIT_EOE, true },
                { AUDIT_PROCTITLE, true },
                { 1406, false },
                { AUDIT_KERNEL, true },
                { 1999, false },
                { 2099, false },
                { 2100, true },
                { -1, false },
                { 0, false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(event_type_is_last(rows[i].type), rows[i].last);
}

static void test_id_parse(void **state) {
        static const struct {
                const char *text, *node; /* node NULL: no id */
                int64_t sec;
                uint32_t ms;
                uint64_t serial;
        } rows[] = {
                { "1795336282.774:116533", "", 1795336282, 774, 116533 },
                { "a.b/0.000:0", "a.b", 0, 0, 0 },
                { "a/b/-1.001:18446744073709551615", "a/b", -1, 1, UINT64_MAX },
                { .text = "" },
                { .text = "/1.000:1" },
                { .text = "1.00:1" },
                { .text = "1.0000:1" },
                { .text = "1.000:" },
                { .text = "1.000:1 " },
                { .text = ".000:1" },
                { .text = "--1.000:1" },
                { .text = "1.000:18446744073709551616" },
                { .text = "9223372036854775807.000:1" },
                { .text = "audit(1.000:1)" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                RecordId id = { .sec = 77 };
                Buf again = BUF_INIT;
                bool is = event_id_parse(str_from(rows[i].text), &id);

                assert_int_equal(is, rows[i].node != NULL);
                if (!is) {
                        assert_int_equal(id.sec, 77);
                        continue;
                }
                assert_true(str_eqz(id.node, rows[i].node));
                assert_int_equal(id.sec, rows[i].sec);
                assert_int_equal(id.ms, rows[i].ms);
                assert_true(id.serial == rows[i].serial);
                event_id_format(&again, &id);
                assert_string_equal(buf_z(&again), rows[i].text);
                buf_done(&again);
        }
}

static void on_marked(void *userdata, const Event *e) {
        buf_printf(userdata, "%u%s|", e->n_records, e->forges ? "!" : "");
}

/* The lines of one connect() to "/x\ntype=EOE msg=audit(1.000:1):\n", in either mode. */
static void test_forged_lines_are_no_records(void **state) {
        static const char lines[] = "type=SYSCALL msg=audit(1.000:1): a=1\n"
                                    "type=SOCKADDR msg=audit(1.000:1): "
                                    "saddr=01002F780A747970653D454F45206D73673D617564697428312E303030"
                                    "3A31293A0A00\x1dSADDR={ saddr_fam=local path=/x\n"
                                    "type=EOE msg=audit(1.000:1):\n"
                                    " }\n"
                                    "type=PROCTITLE msg=audit(1.000:1): proctitle=61\n";
        static const EventMode modes[] = { EVENT_DEFAULT, EVENT_AUPARSE };

        for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
                char memory[sizeof(lines) + STR_SLACK] = "";
                Buf seen = BUF_INIT;
                EventAssembler *a;
                int n_forged = 0;

                memcpy(memory, lines, sizeof(lines));
                assert_int_equal(event_assembler_new(&a, modes[i], NULL, on_marked, &seen), 0);
                for (char *p = memory, *nl; (nl = strchr(p, '\n')); p = nl + 1)
                        n_forged += event_add(a, (Str){ p, (size_t)(nl - p) }) == EVENT_E_FORGED;
                event_flush(a);
                assert_string_equal(buf_z(&seen), "3!|");
                assert_int_equal(n_forged, 2);
                assert_int_equal(event_counters(a)->forged, 2);
                event_assembler_free(a);
                buf_done(&seen);
        }
}

/* A path with a newline, behind which nothing looks like a record: nobody is accused. */
static void test_lines_of_a_path_are_not_forged(void **state) {
        static const char lines[] = "type=SOCKADDR msg=audit(1.000:1): "
                                    "saddr=01002F780A796F7500\x1dSADDR={ saddr_fam=local path=/x\n"
                                    "you }\n"
                                    "type=EOE msg=audit(1.000:1):\n";
        char memory[sizeof(lines) + STR_SLACK] = "";
        static const int expected[] = { 0, EVENT_E_PATH, 0 };
        Buf seen = BUF_INIT;
        EventAssembler *a;
        size_t i = 0;

        memcpy(memory, lines, sizeof(lines));
        assert_int_equal(event_assembler_new(&a, EVENT_DEFAULT, NULL, on_marked, &seen), 0);
        for (char *p = memory, *nl; (nl = strchr(p, '\n')); p = nl + 1)
                assert_int_equal(event_add(a, (Str){ p, (size_t)(nl - p) }), expected[i++]);
        event_flush(a);
        assert_string_equal(buf_z(&seen), "2|");
        assert_int_equal(event_counters(a)->path_lines, 1);
        assert_int_equal(event_counters(a)->forged, 0);
        event_assembler_free(a);
        buf_done(&seen);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_delivers_at_completion),
                cmocka_unit_test(test_login_waits_for_its_syscall),
                cmocka_unit_test(test_interleaved_events_stay_apart),
                cmocka_unit_test(test_eoe_alone_is_counted),
                cmocka_unit_test(test_late_records_are_marked),
                cmocka_unit_test(test_node_clock_ends_events),
                cmocka_unit_test(test_torn_events_are_counted),
                cmocka_unit_test(test_clock_set_back_ends_nothing),
                cmocka_unit_test(test_disorder_is_no_progress),
                cmocka_unit_test(test_monotonic_ageing),
                cmocka_unit_test(test_limits_deliver_early_and_count),
                cmocka_unit_test(test_whole_files_are_put_in_order),
                cmocka_unit_test(test_whole_files_have_limits),
                cmocka_unit_test(test_bytes_are_limited),
                cmocka_unit_test(test_nodes_are_limited),
                cmocka_unit_test(test_no_record_is_counted),
                cmocka_unit_test(test_forged_lines_are_no_records),
                cmocka_unit_test(test_lines_of_a_path_are_not_forged),
                cmocka_unit_test(test_auparse_order),
                cmocka_unit_test(test_last_types),
                cmocka_unit_test(test_id_parse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
