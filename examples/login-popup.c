/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logins, as a notification for everybody who is logged in with a desktop. A plugin of auditd; runs as root. */
#include <aulert/plugin.h>
#include <glob.h>
#include <grp.h>
#include <libaudit.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <unistd.h>
#define NAME "org.freedesktop.Notifications"

static int show_as(unsigned uid, const char *text) { /* in a child, which becomes that user for good */
        struct passwd *pw = getpwuid(uid);
        char bus_path[64];
        sd_bus *bus;

        snprintf(bus_path, sizeof(bus_path), "unix:path=/run/user/%u/bus", uid);
        return !pw || initgroups(pw->pw_name, pw->pw_gid) || setgid(pw->pw_gid) || setuid(uid) ||
               setenv("DBUS_SESSION_BUS_ADDRESS", bus_path, 1) || sd_bus_open_user(&bus) < 0 ||
               sd_bus_call_method(bus, NAME, "/org/freedesktop/Notifications", NAME, "Notify", NULL, NULL,
                                  "susssasa{sv}i", "login", 0, "", text, "", 0, 0, 10000) < 0;
}

static void on_event(void *userdata, AulertEvent *event) {
        AulertText text;
        glob_t buses = { 0 };

        if (aulert_record_type(aulert_event_first(event)) == AUDIT_USER_LOGIN &&
            aulert_event_sentence(event, &text) == 0) /* for the summary, which is never markup */
                glob("/run/user/[0-9]*/bus", 0, NULL, &buses);
        for (unsigned i = 0, uid; i < buses.gl_pathc; i++)
                if (sscanf(buses.gl_pathv[i], "/run/user/%u", &uid) == 1 && aulert_plugin_fork(5) == 0)
                        _exit(show_as(uid, text.data));
        globfree(&buses);
}

int main(void) { return aulert_plugin_run(&(AulertPlugin){ sizeof(AulertPlugin), .event = on_event }); }
