/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>
#include "base/log.h"
#include "role/config/config-read.h"
#include "role/ipc.h"

static void on_diag(void *userdata, const char *file, unsigned line, unsigned column, const char *text) {
        log_error("%s:%u:%u: error: %s", file, line, column, text);
}

static Config *say_load(const char *path, Config *config, int r) {
        if (r == 0)
                return config;
        if (r < 0)
                log_error("%s: %s", path, strerror(-r));
        return NULL;
}

Config *config_read(const char *path) {
        Config *config = NULL;
        int r = config_load(&config, path, on_diag, NULL);

        return say_load(path, config, r);
}

/* The path, a NUL, the text. */
Config *config_read_to_pass(const char *path, int *ret_fd) {
        Config *config = NULL;
        Buf file = BUF_INIT;
        size_t n = strlen(path) + 1;
        int r, fd = -1;

        buf_put(&file, path, n);
        r = config_read_file(path, &file);
        if (r == 0)
                r = config_load_text(&config, path, (Str){ file.p + n, file.n - n }, on_diag, NULL);
        if (r == 0) {
                fd = ipc_memfd("aulert-config", buf_view(&file));
                if (fd < 0) {
                        config = config_free(config);
                        r = fd;
                }
        }
        buf_done(&file);
        *ret_fd = fd;
        return say_load(path, config, r);
}

Config *config_receive(int fd) {
        Config *config = NULL;
        const char *end;
        Str bytes;
        int r = ipc_memfd_map(fd, CONFIG_MAX + PATH_MAX, &bytes);

        close(fd);
        if (r == 0) {
                end = bytes.n ? memchr(bytes.p, 0, bytes.n) : NULL;
                r = end ? config_load_text(&config, bytes.p,
                                           (Str){ end + 1, bytes.n - (size_t)(end + 1 - bytes.p) }, on_diag,
                                           NULL)
                        : -EBADMSG;
                if (bytes.n)
                        munmap((void *)(uintptr_t)bytes.p, bytes.n);
        }
        return say_load("configuration", config, r);
}

static bool same_limits(const Config *a, const Config *b) {
        const EventLimits *x = &a->limits, *y = &b->limits;

        return a->max_line == b->max_line && x->open_events == y->open_events &&
               x->event_records == y->event_records && x->event_bytes == y->event_bytes &&
               x->total_bytes == y->total_bytes && x->nodes == y->nodes && x->timeout_ms == y->timeout_ms;
}

static bool same_text(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

static bool same_socket(const ConfigStatus *a, const ConfigStatus *b) {
        return a->off == b->off && same_text(a->socket, b->socket) && same_text(a->group, b->group);
}

void config_say_what_stays(const Config *old, const Config *new) {
        if (strcmp(old->source, new->source) != 0)
                log_warning("source stays %s until the next start", old->source);
        if (!old->catch_up != !new->catch_up)
                log_warning("catch_up stays as it was until the next start");
        if (!same_socket(&old->status, &new->status))
                log_warning("the socket of status stays as it was until the next start");
        if (!same_limits(old, new))
                log_warning("limits stay as they were until the next start");
}

typedef enum { KIND_OPEN, KIND_CONFIG, KIND_OTHER } Kind;

static Kind kind_of_key(const char *key) {
        static const char *const ours[] = { "source", "kafka",       "rules",   "sinks",  "routes",
                                            "spool",  "host_groups", "redact",  "limits", "events",
                                            "status", "metrics",     "catch_up" };
        static const char *const sigma[] = { "title",  "logsource", "detection", "correlation",
                                             "filter", "action",    "tests" };

        for (size_t i = 0; i < ARRAY_SIZE(sigma); i++)
                if (!strcmp(key, sigma[i]))
                        return KIND_OTHER;
        for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
                if (!strcmp(key, ours[i]))
                        return KIND_CONFIG;
        return KIND_OPEN;
}

/* One parser event of the first document; @depth counts open collections, @is_key alternates inside the outermost one. */
static Kind take(const yaml_event_t *e, unsigned *depth, bool *is_key, Kind so_far) {
        Kind kind = KIND_OPEN;

        switch (e->type) {
        case YAML_MAPPING_START_EVENT:
        case YAML_SEQUENCE_START_EVENT: ++*depth; return so_far;
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT: --*depth; break;
        case YAML_SCALAR_EVENT:
                if (*depth == 1 && *is_key)
                        kind = kind_of_key((const char *)e->data.scalar.value);
                break;
        default: return so_far;
        }
        if (*depth == 1)
                *is_key = !*is_key;
        return kind == KIND_OPEN || so_far == KIND_OTHER ? so_far : kind;
}

static Kind kind_of_stream(yaml_parser_t *parser) {
        Kind kind = KIND_OPEN;
        unsigned depth = 0;
        bool is_key = true, done = false;

        while (!done) {
                yaml_event_t e;

                if (!yaml_parser_parse(parser, &e))
                        return kind;
                done = e.type == YAML_STREAM_END_EVENT || e.type == YAML_DOCUMENT_END_EVENT;
                kind = take(&e, &depth, &is_key, kind);
                yaml_event_delete(&e);
        }
        return kind;
}

bool config_is_one(const char *path) {
        yaml_parser_t parser;
        struct stat st;
        bool is = false;
        FILE *f;

        if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > CONFIG_MAX)
                return false;
        f = fopen(path, "re");
        if (!f)
                return false;
        if (yaml_parser_initialize(&parser)) {
                yaml_parser_set_input_file(&parser, f);
                is = kind_of_stream(&parser) == KIND_CONFIG;
                yaml_parser_delete(&parser);
        }
        fclose(f);
        return is;
}
