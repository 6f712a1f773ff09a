/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "role/deliver/delivery.h"

#define N_MORE 3u /* turns that find an alert there */

typedef struct {
        sd_event *loop;
        Delivery *delivery;
        char folder[32];
        char file[64];
        uint64_t seq, committed;
        unsigned n_gathered, n_committed;
} Scene;

static void add(Scene *s) {
        char text[16];
        Alert *alert;

        snprintf(text, sizeof(text), "%u", (unsigned)++s->seq);
        assert_int_equal(alert_new_own(&alert, &(AlertOwn){ .kind = ALERT_TEST,
                                                            .rule_id = STR("r"),
                                                            .sentence = str_from(text),
                                                            .unique = str_from(text) }),
                         0);
        assert_true(delivery_alert(s->delivery, alert, s->seq) >= 0);
        alert_unref(alert);
}

static void on_gather(void *userdata) {
        Scene *s = userdata;

        if (s->n_gathered++ < N_MORE)
                add(s);
}

static unsigned n_lines(const Scene *s) {
        FILE *file = fopen(s->file, "re");
        unsigned n = 0;
        int c;

        while (file && (c = getc(file)) != EOF)
                n += c == '\n';
        if (file)
                fclose(file);
        return n;
}

/* No sink sees an alert before it is committed. */
static void on_committed(void *userdata, uint64_t seq) {
        Scene *s = userdata;

        assert_int_equal(n_lines(s), s->committed);
        s->committed = seq;
        s->n_committed++;
}

static void on_mistake(void *userdata, const char *file, unsigned line, unsigned column, const char *text) {
        fail_msg("%u:%u: %s", line, column, text);
}

static void scene_init(Scene *s) {
        DeliveryOptions options = { .committed = on_committed, .gather = on_gather, .userdata = s };
        char text[256];
        Config *config;

        *s = (Scene){ .folder = "/tmp/test-delivery.XXXXXX" };
        assert_non_null(mkdtemp(s->folder));
        snprintf(s->file, sizeof(s->file), "%s/alerts", s->folder);
        snprintf(text, sizeof(text), "sinks:\n  f: { type: file, path: %s }\nspool: memory\n", s->file);
        assert_int_equal(config_load_text(&config, "aulert.yaml", str_from(text), on_mistake, NULL), 0);
        assert_true(sd_event_new(&s->loop) >= 0);
        options.loop = s->loop;
        assert_int_equal(delivery_new(&s->delivery, config, &options), 0);
}

static void scene_done(Scene *s) {
        delivery_free(s->delivery);
        sd_event_unref(s->loop);
        unlink(s->file);
        rmdir(s->folder);
}

/* The first commit is of two, and what the sink says of them is written together with the next alert. */
static void what_is_there_shares_a_commit(void **state) {
        Scene s;

        scene_init(&s);
        add(&s);
        while (sd_event_run(s.loop, 0) > 0)
                ;
        assert_int_equal(s.committed, N_MORE + 1);
        assert_int_equal(s.n_committed, N_MORE);
        assert_int_equal(n_lines(&s), N_MORE + 1);
        assert_int_equal(s.n_gathered, N_MORE + 1); /* one turn for what the sink said at last */
        scene_done(&s);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_there_shares_a_commit) };

        return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
