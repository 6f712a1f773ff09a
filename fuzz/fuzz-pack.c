/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packed alerts: any bytes are refused or are the one packed form of an alert whose every form is bounded. */
#include "alert/alert-pack.h"
#include "base/escape.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        Str bytes = { (const char *)data, n };
        Buf again = BUF_INIT, json = BUF_INIT, text = BUF_INIT;
        Alert *a = NULL;
        int r = alert_unpack(&a, bytes);

        CHECK(r == 0 || r == ALERT_E_BAD);
        if (r)
                return 0;
        CHECK(alert_pack(&again, a) == 0);
        CHECK(str_eq(buf_view(&again), bytes));
        alert_json_records(&json, a);
        CHECK(json.n <= ALERT_MAX && escape_is_utf8(buf_view(&json)));
        CHECK(memchr(json.p, '\n', json.n) == json.p + json.n - 1);
        alert_text(&text, a, false);
        CHECK(!memchr(text.p, '\x1b', text.n));
        CHECK(a->arena.used <= n + 4096);
        alert_unref(a);
        buf_done(&again);
        buf_done(&json);
        buf_done(&text);
        return 0;
}
