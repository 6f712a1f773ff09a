/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints a capture of any size: a made-up one that follows a real one (mix.h), or given files again
 * and again (replay.h). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "mix.h"
#include "replay.h"

static int read_file(const char *path, Buf *text) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = -1;

        if (fd < 0)
                return -errno;
        for (char *p; (p = buf_reserve(text, BUF_FLUSH)) && (n = read(fd, p, BUF_FLUSH)) > 0;)
                text->n += (size_t)n;
        if (text->n && text->p[text->n - 1] != '\n')
                buf_putc(text, '\n');
        close(fd);
        return n < 0 ? -errno : 0;
}

static int usage(void) {
        fputs("usage: gen-capture [--seed N] [--records N] [--raw | --enriched] [--exec-only] [--eoe]\n"
              "       gen-capture --replay [--records N] FILE...\n",
              stderr);
        return 2;
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                { "seed", required_argument, NULL, 's' }, { "records", required_argument, NULL, 'n' },
                { "raw", no_argument, NULL, 'r' },        { "enriched", no_argument, NULL, 'e' },
                { "exec-only", no_argument, NULL, 'x' },  { "eoe", no_argument, NULL, 'E' },
                { "replay", no_argument, NULL, 'R' },     { NULL, 0, NULL, 0 },
        };
        Mix w = MIX_INIT;
        uint64_t n_records = 477960;
        bool replaying = false;
        Buf out = BUF_INIT, text = BUF_INIT;
        int c, r = 0;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case 's': w.random = strtoull(optarg, NULL, 0); break;
                case 'n': n_records = strtoull(optarg, NULL, 0); break;
                case 'r': w.raw = true; break;
                case 'e': w.raw = false; break;
                case 'x': w.exec_only = true; break;
                case 'E': w.eoe = true; break;
                case 'R': replaying = true; break;
                default: return usage();
                }
        if (replaying != (optind < argc))
                return usage();
        buf_attach(&out, STDOUT_FILENO);
        for (; r >= 0 && optind < argc; optind++)
                r = read_file(argv[optind], &text);
        if (r >= 0)
                r = replaying ? replay_capture(&out, buf_view(&text), n_records)
                              : mix_generate(&w, &out, n_records);
        buf_done(&text);
        buf_done(&out);
        if (r < 0)
                fprintf(stderr, "gen-capture: %s\n", strerror(-r));
        return r < 0 ? 3 : 0;
}
