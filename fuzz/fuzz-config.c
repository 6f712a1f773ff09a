/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configuration files: whatever they hold, loading either gives a whole configuration or says where each
 * mistake is. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include "fuzz/target.h"
#include "role/config/config.h"

static void on_diag(void *userdata, const char *file, unsigned line, unsigned column, const char *text) {
        unsigned *n = userdata;

        CHECK(file && line && column && text && *text);
        ++*n;
}

static void check_config(const Config *c) {
        CHECK(c->source && c->n_routes);
        for (size_t i = 0; i < c->n_routes; i++)
                for (size_t k = 0; k < c->routes[i].n_to; k++)
                        CHECK(c->routes[i].to[k] < c->n_sinks);
        for (size_t i = 0; i < c->n_sinks; i++)
                CHECK(c->sinks[i].ops && c->sinks[i].name.n);
        CHECK(c->limits.open_events && c->limits.event_records && c->limits.nodes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        int fd = memfd_create("aulert.yaml", MFD_CLOEXEC), r;
        unsigned n_mistakes = 0;
        Config *c = NULL;
        char path[32];

        CHECK(fd >= 0 && write(fd, data, n) == (ssize_t)n);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        r = config_load(&c, path, on_diag, &n_mistakes);
        CHECK(r == 0 ? !n_mistakes : r == CONFIG_E_BAD ? n_mistakes : r == -EFBIG);
        if (r == 0)
                check_config(c);
        config_free(c);
        close(fd);
        return 0;
}
