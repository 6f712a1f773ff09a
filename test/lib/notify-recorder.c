// SPDX-License-Identifier: LGPL-2.1-or-later
/* notify-recorder ADDRESS [CAPABILITY]...: a desktop's notification service for tests. It takes the name
 * org.freedesktop.Notifications on the bus at ADDRESS and writes one JSON line to stdout: {"ready":true} when it
 * has the name, then one for each Notify call, with the time it came (seconds, CLOCK_REALTIME). The capabilities
 * are what GetCapabilities answers; without one it is a server that knows no markup. Ends with its bus.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <systemd/sd-bus.h>

typedef struct {
        char **capabilities;
        uint32_t n_notified;
} Recorder;

static void print_string(const char *name, const char *text) {
        printf(",\"%s\":\"", name);
        for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
                if (*p == '"' || *p == '\\')
                        printf("\\%c", *p);
                else if (*p < 0x20)
                        printf("\\u%04x", *p);
                else
                        putchar(*p);
        }
        putchar('"');
}

/* The urgency among the hints (-1 without one); leaves the message behind the dictionary. */
static int read_urgency(sd_bus_message *message, int *ret_urgency) {
        int urgency = -1;

        int r = sd_bus_message_enter_container(message, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                const char *key;
                r = sd_bus_message_read(message, "s", &key);
                if (r < 0)
                        return r;
                uint8_t level;
                if (strcmp(key, "urgency") == 0 && sd_bus_message_read(message, "v", "y", &level) > 0)
                        urgency = level;
                else
                        r = sd_bus_message_skip(message, "v");
                if (r < 0 || (r = sd_bus_message_exit_container(message)) < 0)
                        return r;
        }
        if (r < 0 || (r = sd_bus_message_exit_container(message)) < 0)
                return r;
        *ret_urgency = urgency;
        return 0;
}

static int on_notify(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Recorder *recorder = userdata;
        const char *app, *icon, *summary, *body;
        uint32_t replaces;
        int32_t expire;
        int urgency;
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        int r = sd_bus_message_read(message, "susss", &app, &replaces, &icon, &summary, &body);
        if (r >= 0)
                r = sd_bus_message_skip(message, "as");
        if (r >= 0)
                r = read_urgency(message, &urgency);
        if (r >= 0)
                r = sd_bus_message_read(message, "i", &expire);
        if (r < 0)
                return r;
        printf("{\"time\":%lld.%06ld,\"urgency\":%d,\"expire\":%d,\"replaces\":%u", (long long)now.tv_sec,
               now.tv_nsec / 1000, urgency, expire, replaces);
        print_string("app", app);
        print_string("icon", icon);
        print_string("summary", summary);
        print_string("body", body);
        printf("}\n");
        fflush(stdout);
        return sd_bus_reply_method_return(message, "u", ++recorder->n_notified);
}

static int on_capabilities(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Recorder *recorder = userdata;
        sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_append_strv(reply, recorder->capabilities);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int on_server_information(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(message, "ssss", "notify-recorder", "aulert", "1", "1.2");
}

static int on_close(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(message, "");
}

static const sd_bus_vtable methods[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Notify", "susssasa{sv}i", "u", on_notify, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetCapabilities", "", "as", on_capabilities, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetServerInformation", "", "ssss", on_server_information, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CloseNotification", "u", "", on_close, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int serve(sd_bus *bus, const char *address, Recorder *recorder) {
        int r = sd_bus_set_address(bus, address);
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, true);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/Notifications",
                                             "org.freedesktop.Notifications", methods, recorder);
        if (r >= 0)
                r = sd_bus_request_name(bus, "org.freedesktop.Notifications", 0);
        if (r < 0)
                return r;
        printf("{\"ready\":true}\n");
        fflush(stdout);
        while ((r = sd_bus_process(bus, NULL)) >= 0)
                if (r == 0 && (r = sd_bus_wait(bus, UINT64_MAX)) < 0 && r != -EINTR)
                        break;
        return r;
}

int main(int argc, char **argv) {
        sd_bus *bus = NULL;

        if (argc < 2) {
                fprintf(stderr, "usage: notify-recorder ADDRESS [CAPABILITY]...\n");
                return 2;
        }
        Recorder recorder = { .capabilities = argv + 2 };
        int r = sd_bus_new(&bus);
        if (r >= 0)
                r = serve(bus, argv[1], &recorder);
        sd_bus_unref(bus);
        if (r == -ECONNRESET || r == -ENOTCONN)
                return 0;
        fprintf(stderr, "notify-recorder: %s\n", strerror(-r));
        return 1;
}
