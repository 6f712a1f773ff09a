/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "role/cmd/sorter.h"

#define MAX_RUNS 64 /* then they are merged into one */

/* A sorted part: in memory the lines themselves, later a file. */
typedef struct {
        FILE *file;
        char *line;
        size_t cap;
        ssize_t n; /* of the current line, newline left out; -1: at the end */
} Run;

struct Sorter {
        char *text;
        size_t n, max;
        size_t *starts; /* of lines in text */
        size_t n_lines, cap_lines;
        Run runs[MAX_RUNS];
        size_t n_runs;
};

int sorter_new(Sorter **ret, size_t max_bytes) {
        Sorter *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->max = max_bytes;
        s->text = malloc(max_bytes);
        if (!s->text) {
                free(s);
                return -ENOMEM;
        }
        *ret = s;
        return 0;
}

static void run_done(Run *r) {
        if (r->file)
                fclose(r->file);
        free(r->line);
        *r = (Run){ 0 };
}

Sorter *sorter_free(Sorter *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n_runs; i++)
                run_done(&s->runs[i]);
        free(s->text);
        free(s->starts);
        free(s);
        return NULL;
}

static Str line_at(const Sorter *s, size_t start) {
        const char *p = s->text + start;

        return (Str){ p, (size_t)((const char *)memchr(p, '\n', s->n - start) - p) };
}

static int compare(Str a, Str b) {
        int k = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

        return k ? k : (a.n > b.n) - (a.n < b.n);
}

static int by_line(const void *a, const void *b, void *userdata) {
        const Sorter *s = userdata;

        return compare(line_at(s, *(const size_t *)a), line_at(s, *(const size_t *)b));
}

typedef int (*LineFn)(void *userdata, Str line);

/* Sorted, each line once. */
static int each_line(Sorter *s, LineFn fn, void *userdata) {
        Str last = STR_NULL;
        int r = 0;

        if (s->n_lines)
                qsort_r(s->starts, s->n_lines, sizeof(*s->starts), by_line, s);
        for (size_t i = 0; i < s->n_lines && !r; i++) {
                Str line = line_at(s, s->starts[i]);

                if (!last.p || !str_eq(line, last))
                        r = fn(userdata, line);
                last = line;
        }
        return r;
}

static int to_file(void *userdata, Str line) {
        FILE *f = userdata;

        return fwrite(line.p, 1, line.n, f) == line.n && putc('\n', f) != EOF ? 0 : errno ? -errno : -EIO;
}

static int to_buf(void *userdata, Str line) {
        Buf *out = userdata;

        buf_str(out, line);
        buf_putc(out, '\n');
        return buf_maybe_flush(out);
}

static void run_next(Run *r) {
        r->n = getline(&r->line, &r->cap, r->file);
        if (r->n > 0 && r->line[r->n - 1] == '\n')
                r->n--;
}

static Str run_line(const Run *r) { return (Str){ r->line, (size_t)r->n }; }

static Run *least(Sorter *s) {
        Run *best = NULL;

        for (size_t i = 0; i < s->n_runs; i++)
                if (s->runs[i].n >= 0 && (!best || compare(run_line(&s->runs[i]), run_line(best)) < 0))
                        best = &s->runs[i];
        return best;
}

static int merge(Sorter *s, LineFn fn, void *userdata) {
        Buf last = BUF_INIT;
        bool any = false;
        int r = 0;

        for (size_t i = 0; i < s->n_runs; i++) {
                rewind(s->runs[i].file);
                run_next(&s->runs[i]);
        }
        for (Run *run; !r && (run = least(s)); run_next(run)) {
                if (any && str_eq(run_line(run), buf_view(&last)))
                        continue;
                any = true;
                r = fn(userdata, run_line(run));
                buf_clear(&last);
                buf_str(&last, run_line(run));
        }
        r = r ? r : last.failed ? -ENOMEM : 0;
        buf_done(&last);
        return r;
}

static int merge_all(Sorter *s) {
        FILE *f = tmpfile();
        int r = f ? merge(s, to_file, f) : -errno;

        if (r) {
                if (f)
                        fclose(f);
                return r;
        }
        for (size_t i = 0; i < s->n_runs; i++)
                run_done(&s->runs[i]);
        s->runs[0].file = f;
        s->n_runs = 1;
        return 0;
}

static int spill(Sorter *s) {
        FILE *f;
        int r = s->n_runs == MAX_RUNS ? merge_all(s) : 0;

        if (r)
                return r;
        f = tmpfile();
        if (!f)
                return -errno;
        s->runs[s->n_runs++] = (Run){ .file = f };
        r = each_line(s, to_file, f);
        if (!r && fflush(f) == EOF)
                r = -errno;
        s->n = s->n_lines = 0;
        return r;
}

int sorter_add(Sorter *s, Str line) {
        int r = 0;

        if (line.n + 1 > s->max)
                return -E2BIG;
        if (line.n + 1 > s->max - s->n || s->n_lines >= s->max / 64)
                r = spill(s);
        if (!r && s->n_lines == s->cap_lines) {
                size_t cap = s->cap_lines ? s->cap_lines * 2 : 1024;
                size_t *starts = reallocarray(s->starts, cap, sizeof(*starts));

                if (!starts)
                        return -ENOMEM;
                s->starts = starts;
                s->cap_lines = cap;
        }
        if (r)
                return r;
        s->starts[s->n_lines++] = s->n;
        if (line.n)
                memcpy(s->text + s->n, line.p, line.n);
        s->n += line.n;
        s->text[s->n++] = '\n';
        return 0;
}

int sorter_finish(Sorter *s, Buf *out) {
        int r;

        if (!s->n_runs)
                return each_line(s, to_buf, out);
        r = spill(s);
        return r ? r : merge(s, to_buf, out);
}
