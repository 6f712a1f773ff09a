/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plugin on libaulert that does what `aulert events --format json` does, to compare what the two cost. */
#include <stdio.h>
#include <aulert/plugin.h>

static void on_event(void *userdata, AulertEvent *event) {
        AulertText json;

        if (aulert_event_json(event, &json) == 0)
                fwrite(json.data, 1, json.size, stdout);
}

int main(void) {
        static char buffer[512 << 10];
        AulertPlugin plugin = { .size = sizeof(plugin), .event = on_event };

        setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
        return aulert_plugin_run(&plugin) < 0 || fflush(stdout) ? 3 : 0;
}
