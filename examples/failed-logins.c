/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells syslog of each failed login, and how often that account and address failed so far. A plugin of auditd. */
#include <aulert/plugin.h>
#include <libaudit.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#define MAX 1000 /* outsiders choose the names: the last entry counts all that find no room */

static char who[MAX][256]; /* "failed login as root over ssh from 192.0.2.7" */
static unsigned times[MAX];

static void on_event(void *userdata, AulertEvent *event) {
        AulertResult result;
        AulertText text;
        unsigned i = 0;

        if (aulert_record_type(aulert_event_first(event)) != AUDIT_USER_LOGIN ||
            aulert_event_result(event, &result) < 0 || result != AULERT_RESULT_FAILED ||
            aulert_event_sentence(event, &text) < 0)
                return;
        while (i < MAX - 1 && times[i] && strncmp(who[i], text.data, sizeof(who[i]) - 1) != 0)
                i++;
        snprintf(who[i], sizeof(who[i]), "%s", i < MAX - 1 ? text.data : "other failed logins");
        syslog(LOG_WARNING, "%s: %u so far", who[i], ++times[i]);
}

int main(void) {
        int r;

        openlog("failed-logins", LOG_PERROR, LOG_AUTHPRIV); /* stdout is lost under auditd */
        r = aulert_plugin_run(&(AulertPlugin){ sizeof(AulertPlugin), .event = on_event });
        if (r < 0)
                syslog(LOG_ERR, "%s", strerror(-r));
        return r < 0 ? 3 : 0;
}
