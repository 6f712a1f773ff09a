/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz/gen-parts.h"

/* One byte for another, none, or one more: those that mean something to either parser. */
static const char alphabet[] = " =\t\x1D():,'\"{}\x01\r\xFFnodekymsgtypavc0149-+.";

static void damage(Gen *g, Buf *line) {
        Rng *r = &g->rng;
        size_t at = line->n ? rng_below(r, (unsigned)line->n) : 0, n = 1 + rng_below(r, 12), from;

        switch (rng_below(r, 6)) {
        case 0: /* another byte */
                if (line->n)
                        line->p[at] = alphabet[rng_below(r, sizeof(alphabet) - 1)];
                break;
        case 1: /* one or a run more */
                n = rng_one_in(r, 3) ? n * 8 : 1;
                if (!buf_reserve(line, n))
                        return;
                memmove(line->p + at + n, line->p + at, line->n - at);
                memset(line->p + at, alphabet[rng_below(r, sizeof(alphabet) - 1)], n);
                line->n += n;
                break;
        case 2: /* some fewer */
                n = n < line->n - at ? n : line->n - at;
                memmove(line->p + at, line->p + at + n, line->n - at - n);
                line->n -= n;
                break;
        case 3: /* cut off */ line->n = rng_one_in(r, 4) ? at : line->n; break;
        case 4: /* a piece twice */
                from = line->n ? rng_below(r, (unsigned)line->n) : 0;
                n = n * 4 < line->n - from ? n * 4 : line->n - from;
                if (!buf_reserve(line, n))
                        return;
                memcpy(line->p + line->n, line->p + from, n);
                line->n += n;
                break;
        default: /* two bytes change places */
                if (at + 1 < line->n) {
                        char c = line->p[at];

                        line->p[at] = line->p[at + 1];
                        line->p[at + 1] = c;
                }
        }
}

/* A real record, as one of @id: its stamp is replaced. */
static void put_real(Gen *g, Buf *line, const GenId *id) {
        Str seed = str_from(gen_seeds[rng_below(&g->rng, (unsigned)gen_n_seeds)]);
        const char *open = memchr(seed.p, '(', seed.n),
                   *close = open ? memchr(open, ')', seed.n - (size_t)(open - seed.p)) : NULL;

        buf_putz(line, id->node);
        buf_put(line, seed.p, (size_t)(open + 1 - seed.p));
        buf_putz(line, id->stamp);
        buf_put(line, close, (size_t)(seed.p + seed.n - close));
}

/* Text that nobody meant as a record; some of it has what the library takes for a header. */
static void put_prose(Gen *g, Buf *line, const GenId *id) {
        static const char *const prose[] = {
                "",
                " ",
                "----",
                "time->Mon Nov 23 00:00:00 2026",
                "no events of interest were found",
                "<no matches>",
                "=",
                "\r",
                "\x1D",
                "type=DAEMON_END msg=audit(",
                "a b",
                "\t",
                "node=",
                "n",
                "nnnnnn x(1.2:3)yyyyyyyyyyyyyyyyyyyyy",
                "\x1D aaaaaaaaaaaaaaaaaaaa(1.2:3)",
                " \x1D=b 0123456789012345(1.2:3)",
                "x 012345678(1.2:3)901234567890",
        };
        static const char *const heads[] = { "the ", "x ",   "n ",       "called ",      "\x1D ",  "a=b ",
                                             "= ",   "(a= ", "nothing ", "nothing a=b ", "type= ", "\t " };

        if (rng_one_in(&g->rng, 2)) {
                buf_putz(line, RNG_PICK(&g->rng, prose));
                return;
        }
        buf_putz(line, RNG_PICK(&g->rng, heads));
        gen_fill(line, 'f', rng_below(&g->rng, 20));
        buf_putc(line, '(');
        buf_putz(line, id->stamp);
        buf_putz(line, rng_one_in(&g->rng, 2) ? ") in prose" : ")-------- ");
        if (rng_one_in(&g->rng, 3))
                gen_body(g, line, false);
}

/* Ends and single records make events complete, so that what waits behind them comes out. */
static void put_last(Gen *g, Buf *line, const GenId *id) {
        static const char *const types[] = {
                "EOE", "PROCTITLE", "EOE", "PROCTITLE", "USER_END", "ANOM_ABEND"
        };

        buf_putz(line, id->node);
        buf_printf(line, "type=%s msg=audit(%s): ", RNG_PICK(&g->rng, types), id->stamp);
        if (rng_one_in(&g->rng, 2))
                buf_putz(line, "proctitle=\"id\"");
}

static void put_record(Gen *g, Buf *line, const GenId *id) {
        bool avc;

        gen_header(g, line, id, &avc);
        gen_body(g, line, avc);
}

static const GenId *choose_id(Gen *g) {
        Rng *r = &g->rng;
        unsigned i;

        if (rng_one_in(r, g->move_on))
                g->sec += rng_one_in(r, 20) ? rng_below(r, 400) - 200 : rng_below(r, 4);
        i = rng_below(r, rng_one_in(r, 3) ? g->n_ids : 1 + g->n_ids / 3);
        if (rng_one_in(r, g->new_id))
                gen_id(g, &g->ids[i]);
        return &g->ids[i];
}

/* Line breaks and NUL cannot stand in a line. */
static void clean(Buf *line) {
        for (size_t i = 0; i < line->n; i++)
                if (!line->p[i] || line->p[i] == '\n')
                        line->p[i] = ' ';
        if (line->n > GEN_LINE_MAX)
                line->n = GEN_LINE_MAX;
}

static void put_line(Gen *g, Case *c) {
        Rng *r = &g->rng;
        Buf *line = &c->line[c->n];
        const GenId *id = choose_id(g);
        unsigned kind = rng_below(r, 20);

        buf_clear(line);
        if (kind < 11)
                put_record(g, line, id);
        else if (kind < 15)
                put_last(g, line, id);
        else if (kind < 18)
                put_real(g, line, id);
        else if (kind < 19 && c->n)
                buf_str(line, buf_view(&c->line[rng_below(r, (unsigned)c->n)]));
        else
                put_prose(g, line, id);
        while (rng_one_in(r, g->mutate))
                damage(g, line);
        clean(line);
        c->n++;
}

static unsigned one_of_rates(Rng *r) {
        static const unsigned rates[] = { 0, 2, 3, 6, 20 };

        return RNG_PICK(r, rates);
}

void gen_case(Case *c, uint64_t seed, uint64_t number) {
        Gen g = { .rng = { seed * 0x9E3779B97F4A7C15ull ^ number } };
        Rng *r = &g.rng;
        size_t n;

        rng_next(r);
        g.rng.state = rng_next(r); /* neighbours in the sequence start far from each other */
        g.sec = 1795336262;
        g.odd_header = one_of_rates(r);
        g.odd_body = one_of_rates(r);
        g.mutate = rng_one_in(r, 2) ? 0 : rng_between(r, 2, 20);
        g.move_on = RNG_PICK(r, ((unsigned[]){ 0, 0, 3, 12, 60 }));
        g.new_id = RNG_PICK(r, ((unsigned[]){ 1, 2, 4, 12, 40 }));
        g.avc = RNG_PICK(r, ((unsigned[]){ 0, 0, 10, 50 }));
        g.long_lines = rng_one_in(r, 200);
        g.widest = rng_one_in(r, 60) ? rng_between(r, 250, 256) : 0;
        while (g.n_ids < rng_between(r, 2, GEN_IDS) && g.n_ids < GEN_IDS)
                gen_id(&g, &g.ids[g.n_ids++]);
        n = rng_one_in(r, 8) ? rng_between(r, 1, CASE_LINES) : rng_between(r, 1, 24);
        for (c->n = 0; c->n < n;)
                put_line(&g, c);
        c->noise = rng_next(r);
        c->by_reader = g.long_lines || rng_one_in(r, 8);
        c->unended = rng_one_in(r, 16);
}
