/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Differential fuzzer: what `aulert records` lists must be what libauparse's feed delivers, record for
 * record.
 *
 * Generates cases from a seed and compares the type and number of fields of every record, and where events
 * begin. The first case that differs is made small and shown with both listings; status 1. Without
 * options: CASES_DEFAULT cases, about ten seconds. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "fuzz/gen.h"
#include "fuzz/shrink.h"
#include "fuzz/sides.h"

#define CASES_DEFAULT 30000u

/* libauparse loses some of what it allocates for odd lines: not ours to report. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libauparse\n"; }

typedef struct {
        uint64_t seed, cases, first;
        double seconds;
        bool dump, keep_going;
} Options;

typedef struct {
        Listing theirs, ours;
} Pair;

static void compare(Pair *p, const Case *c) {
        sides_library(c, &p->theirs);
        sides_ours(c, &p->ours);
}

static bool differs(void *userdata, const Case *c) {
        Pair *p = userdata;

        compare(p, c);
        return !p->theirs.failed && !p->ours.failed && !sides_same(&p->theirs, &p->ours);
}

static void report(Pair *p, Case *c, const Options *o, uint64_t number) {
        Buf out = BUF_INIT;
        size_t n = c->n;

        buf_attach(&out, STDOUT_FILENO);
        buf_printf(&out, "difference after %llu cases: --seed %llu --first %llu --cases 1\n",
                   (unsigned long long)(number - o->first + 1), (unsigned long long)o->seed,
                   (unsigned long long)number);
        if (shrink(c, differs, p) < 0)
                buf_putz(&out, "no memory to make it smaller\n");
        compare(p, c);
        buf_printf(&out, "%zu lines, made smaller to %zu%s:\n", n, c->n, c->by_reader ? " (by reader)" : "");
        case_show(c, &out);
        sides_show(&p->theirs, &p->ours, &out);
        buf_flush(&out);
        buf_done(&out);
}

static void dump(const Case *c) {
        Buf out = BUF_INIT;

        buf_attach(&out, STDOUT_FILENO);
        case_text(c, &out);
        buf_flush(&out);
        buf_done(&out);
}

static double now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(const Options *o, Case *c) {
        double end = now() + o->seconds;
        uint64_t n, n_lines = 0, n_records = 0;
        Pair p = { 0 };
        int r = 0;

        for (n = 0; n < o->cases && (!o->seconds || n % 64 || now() < end); n++) {
                gen_case(c, o->seed, o->first + n);
                if (o->dump) {
                        dump(c);
                        continue;
                }
                compare(&p, c);
                if (case_failed(c) || p.theirs.failed || p.ours.failed) {
                        fprintf(stderr, "diff-records: case %llu: no memory\n",
                                (unsigned long long)(o->first + n));
                        r = 3;
                        break;
                }
                n_lines += c->n;
                n_records += p.theirs.n;
                if (!sides_same(&p.theirs, &p.ours)) {
                        report(&p, c, o, o->first + n);
                        r = 1;
                        if (!o->keep_going)
                                break;
                }
        }
        if (!o->dump && (!r || o->keep_going))
                printf("%llu cases, %llu lines, %llu records delivered%s\n", (unsigned long long)n,
                       (unsigned long long)n_lines, (unsigned long long)n_records,
                       r ? "" : ": no difference");
        listing_done(&p.theirs);
        listing_done(&p.ours);
        return r;
}

static bool number(const char *z, uint64_t *ret) { return str_u64(str_from(z), 10, ret); }

static int usage(void) {
        fprintf(stderr, "usage: diff-records [--seed S] [--cases N] [--seconds T] [--first CASE] "
                        "[--keep-going] [--dump]\n"
                        "--seconds without --cases: as many as fit in. --dump: print the text instead of "
                        "comparing.\n");
        return 2;
}

static int parse(Options *o, int argc, char **argv) {
        static const struct option options[] = {
                { "seed", required_argument, NULL, 's' },
                { "cases", required_argument, NULL, 'n' },
                { "seconds", required_argument, NULL, 't' },
                { "first", required_argument, NULL, 'f' },
                { "dump", no_argument, NULL, 'd' },
                { "keep-going", no_argument, NULL, 'k' },
                { 0 },
        };
        uint64_t seconds = 0;
        bool ok = true;
        int k;

        while (ok && (k = getopt_long(argc, argv, "", options, NULL)) != -1) {
                uint64_t *to = k == 's'   ? &o->seed
                               : k == 'n' ? &o->cases
                               : k == 't' ? &seconds
                               : k == 'f' ? &o->first
                                          : NULL;

                o->dump |= k == 'd';
                o->keep_going |= k == 'k';
                ok = to ? number(optarg, to) : k == 'd' || k == 'k';
        }
        o->seconds = (double)seconds;
        if (!o->cases)
                o->cases = seconds ? UINT64_MAX : CASES_DEFAULT;
        return ok && optind == argc ? 0 : usage();
}

int main(int argc, char **argv) {
        Options o = { .seed = 1 };
        Case *c;
        int r = parse(&o, argc, argv);

        if (r)
                return r;
        c = case_new();
        if (!c)
                return 3;
        r = run(&o, c);
        case_free(c);
        return r;
}
