/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz/gen-parts.h"

static const char *const names[] = { "a0",  "pid",  "uid",  "res",      "comm",
                                     "exe", "acct", "addr", "terminal", "op" };
static const char *const odd_names[] = {
        "",
        "(",
        "((",
        "(hostname",
        "key",
        "(key",
        "((key",
        "xkey",
        "key ",
        "akey",
        "monkey",
        "msg",
        "(msg",
        "xmsg",
        "node",
        "(node",
        "type",
        "(type",
        "avc",
        "keyy",
        "KEY",
        "Msg",
        "\x1Dkey",
        "\tkey",
        "k\xC3\xA9y",
        "'key",
        "y",
        "g",
        "a_name_that_goes_on_and_on_for_more_bytes_than_a_block_of_sixty_four_holds",
        "ey",
        "sg",
        "{",
        "}",
        ":",
        ","
};
static const char *const values[] = { "0",           "1",          "c000003e", "\"cat\"", "?",
                                      "/usr/bin/id", "4294967295", "yes",      "-13" };
static const char *const odd_values[] = { "",
                                          "=",
                                          "==",
                                          "a=b",
                                          "(none)",
                                          "(null)",
                                          "(none",
                                          "none)",
                                          "(nonE)",
                                          "((null)",
                                          "(null)x",
                                          "(nul)",
                                          "(",
                                          ")",
                                          "'",
                                          "\"",
                                          "\"a",
                                          "\"a b\"",
                                          "'a'",
                                          "{",
                                          "{ a }",
                                          "}",
                                          ":",
                                          ",",
                                          "a:b",
                                          "x\tb",
                                          "\t",
                                          "\x1D",
                                          ("a\x1D"
                                           "b=c"),
                                          "\x01",
                                          "\r",
                                          "\xFF",
                                          "41",
                                          "key=41",
                                          "msg='a=b",
                                          "msg=audit(1.2:3):",
                                          "type=AVC",
                                          "avc:" };
/* Each is trimmed from the end of a value at most once, and in one order only. */
static const char trailing[] = { ':', ',', '\'', ')', ':', ',', '\'', ')', '"', '=', '(' };
static const char *const words[] = { "avc:",
                                     "avc",
                                     "avcx",
                                     "av",
                                     "denied",
                                     "granted",
                                     "{",
                                     "}",
                                     "for",
                                     "{a",
                                     "a}",
                                     "}{",
                                     "{}",
                                     "tty",
                                     "(",
                                     ")",
                                     "'",
                                     "\"",
                                     "word",
                                     "\t",
                                     "\x1Dword",
                                     ("a\x1D"
                                      "b"),
                                     "key",
                                     "msg",
                                     "msg=",
                                     "key=",
                                     "=",
                                     "type",
                                     "\xC3\xA9" };
static const char *const key_values[] = { "\"watch\"",
                                          "\"\"",
                                          "\"",
                                          "\"a",
                                          "\"a\"b",
                                          "(null)",
                                          "(none)",
                                          "(",
                                          "(a",
                                          "(null",
                                          "()",
                                          "",
                                          ":",
                                          ",",
                                          "'",
                                          ")",
                                          ":,')",
                                          "4",
                                          "41",
                                          "414",
                                          "4142",
                                          "4142:",
                                          "4142)",
                                          "414g",
                                          "4g",
                                          "g",
                                          "4142 ",
                                          "01",
                                          "0141",
                                          "4101",
                                          "410142",
                                          "41010142",
                                          "010101",
                                          "41014",
                                          "410",
                                          "4100",
                                          "410042",
                                          "00",
                                          "0041",
                                          "1",
                                          "0",
                                          "10",
                                          "101",
                                          "4101420143",
                                          "4142x01",
                                          "6532652D65786563017365636F6E642D6B6579",
                                          "61017A",
                                          "6101",
                                          "a1",
                                          "A1",
                                          "fF01Ff",
                                          "4142=43",
                                          "41,42",
                                          ("41\x1D"
                                           "42"),
                                          "null",
                                          "none",
                                          "41424344454647484950",
                                          "0100",
                                          "1001",
                                          "4101)",
                                          "410142,",
                                          "01'",
                                          "x",
                                          "-",
                                          "0x41",
                                          "41\t0142",
                                          "\x01" };

static void put_trailing(Gen *g, Buf *line) {
        for (unsigned n = rng_below(&g->rng, 6); n; n--)
                buf_putc(line, RNG_PICK(&g->rng, trailing));
}

static void put_value(Gen *g, Buf *line) {
        Rng *r = &g->rng;
        bool odd = rng_one_in(r, g->odd_body);

        buf_putz(line, odd && rng_one_in(r, 2) ? RNG_PICK(r, odd_values) : RNG_PICK(r, values));
        if (odd && rng_one_in(r, 2))
                put_trailing(g, line);
        if (odd && rng_one_in(r, 12))
                gen_fill(line, RNG_PICK(r, "=yga4 "), rng_below(r, 140));
}

static void put_field(Gen *g, Buf *line) {
        Rng *r = &g->rng;

        buf_putz(line, rng_one_in(r, g->odd_body * 2) ? RNG_PICK(r, odd_names) : RNG_PICK(r, names));
        buf_putc(line, '=');
        put_value(g, line);
}

static void put_key(Gen *g, Buf *line) {
        Rng *r = &g->rng;

        buf_putz(line, rng_one_in(r, 6) ? "(key=" : "key=");
        buf_putz(line, RNG_PICK(r, key_values));
        if (rng_one_in(r, 6))
                put_trailing(g, line);
        if (rng_one_in(r, 6))
                for (unsigned n = rng_below(r, 40); n; n--)
                        buf_putc(line, RNG_PICK(r, "010101424f"));
}

static void put_message(Gen *g, Buf *line) {
        static const char *const starts[] = {
                "msg='",
                "msg='op=login ",
                "msg='a=b",
                "msg='=",
                "msg='key=",
                "msg='key=41",
                "msg='avc:  denied  ",
                "msg='(",
                "msg=a",
                "msg=audit(1.2:3):",
                "msg=",
                "msg=\"",
                "msg=b",
                "(msg='a",
                "(msg=a",
                "msg='msg='a=b",
                "msg='msg=a=b",
                "msg='type=AVC",
                "msg==",
                "msg='a",
                "msg=' a=b",
                "msg='(key=4142",
                "msg=(",
                "msg='x=",
                "msg='x='",
                "msg='node=a",
                "msg='\x1Dx=",
                "msg=('a=b",
                ("msg='PAM: authentication acct=\"root\" : exe=\"/bin/su\" (hostname=?, addr=?, "
                 "terminal=pts/1 res=success)'")
        };

        buf_putz(line, RNG_PICK(&g->rng, starts));
        if (rng_one_in(&g->rng, 2))
                put_trailing(g, line);
}

static void put_word(Gen *g, Buf *line) { buf_putz(line, RNG_PICK(&g->rng, words)); }

static void put_enriched(Gen *g, Buf *line) {
        static const char *const marks[] = { "\x1D", "\x1DUID=\"root\" GID=\"root\"", "a=b\x1DKEY=x key=4101",
                                             "\x1D ", "\x1D\x1D" };

        buf_putz(line, RNG_PICK(&g->rng, marks));
}

static void put_odd_position(Gen *g, Buf *line) {
        static const char *const fields[] = { "type=AVC", "type=EOE",  "type=PROCTITLE",
                                              "node=a",   "type=1400", "type=" };

        buf_putz(line, RNG_PICK(&g->rng, fields));
}

/* Permissions whose length is near that of the library's buffer of 256 bytes, which holds the commas
 * between them as well. */
static void put_long_permissions(Gen *g, Buf *line) {
        size_t want = rng_between(&g->rng, 240, 270), total = 0;
        unsigned longest = rng_one_in(&g->rng, 2) ? 300 : 20;

        while (total < want) {
                size_t n = 1 + rng_below(&g->rng, longest);

                if (n > want - total)
                        n = want - total;
                if (rng_one_in(&g->rng, 40))
                        buf_putz(line, "a=b ");
                gen_fill(line, 'p', n);
                gen_fill(line, ' ', rng_one_in(&g->rng, 6) ? 2 : 1);
                total += n + 1;
        }
}

static void put_permissions(Gen *g, Buf *line) {
        static const char *const open[] = { "{ ", "{ ", "{ ", "{ ", "{", "{x ", "( ", "" };
        static const char *const close[] = { "} ", "} ", "} ", "} ", "}for ", "", "\x1D} ", "} } " };
        static const char *const inside[] = { "read write ", "read ", "",    "  a   b ",
                                              "{ a ",        "a=b ",  "\t ", "read} x " };

        buf_putz(line, RNG_PICK(&g->rng, open));
        if (rng_one_in(&g->rng, 3))
                put_long_permissions(g, line);
        else
                buf_putz(line, RNG_PICK(&g->rng, inside));
        buf_putz(line, RNG_PICK(&g->rng, close));
}

/* "avc:  denied  { read } for": counted as fields by their place alone. */
static void put_avc(Gen *g, Buf *line) {
        static const char *const starts[] = { "avc:  ",   "avc:  ",       "avc:  ",          "avc: ",
                                              "",         "avc:  avc: ",  "x=y avc:  ",      "avcx ",
                                              "av ",      "key=41 avc: ", "msg='avc:  ",     "key=4101 ",
                                              "a= avc: ", "key=01 avc: ", "msg=audit( avc: " };
        static const char *const results[] = { "denied  ",    "denied  ", "denied  ",
                                               "granted ",    "",         "denied granted ",
                                               "denied x=y ", "{ ",       "denied avc ",
                                               "} " };

        buf_putz(line, RNG_PICK(&g->rng, starts));
        buf_putz(line, RNG_PICK(&g->rng, results));
        put_permissions(g, line);
        if (rng_one_in(&g->rng, 8))
                put_permissions(g, line);
}

static void put_long(Gen *g, Buf *line) {
        size_t n = g->long_lines ? rng_below(&g->rng, GEN_LINE_MAX / 16) : rng_below(&g->rng, 400);

        put_field(g, line);
        gen_fill(line, RNG_PICK(&g->rng, "a=4 y"), n);
}

typedef struct {
        unsigned weight;
        void (*put)(Gen *g, Buf *line);
} Part;

static const Part odd_parts[] = {
        { 6, put_field }, { 4, put_key },          { 4, put_message }, { 3, put_word },
        { 1, put_long },  { 1, put_odd_position }, { 1, put_avc },     { 1, put_enriched },
};

static void put_part(Gen *g, Buf *line) {
        unsigned total = 0, k;

        if (!rng_one_in(&g->rng, g->odd_body)) {
                put_field(g, line);
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(odd_parts); i++)
                total += odd_parts[i].weight;
        k = rng_below(&g->rng, total);
        for (const Part *p = odd_parts;; k -= p++->weight)
                if (k < p->weight) {
                        p->put(g, line);
                        return;
                }
}

static void put_gap(Gen *g, Buf *line) {
        Rng *r = &g->rng;

        if (!rng_one_in(r, g->odd_body))
                buf_putc(line, ' ');
        else if (rng_one_in(r, 3))
                buf_putc(line, RNG_PICK(r, "\t\r=,'"));
        else
                gen_fill(line, ' ', rng_one_in(r, 6) ? rng_below(r, 140) : rng_below(r, 4));
}

void gen_body(Gen *g, Buf *line, bool avc) {
        Rng *r = &g->rng;
        unsigned n = rng_one_in(r, 12) ? rng_below(r, 60) : rng_below(r, 8);

        if (avc || rng_one_in(r, 30))
                put_avc(g, line);
        while (n--) {
                put_part(g, line);
                put_gap(g, line);
        }
        if (rng_one_in(r, 10))
                put_part(g, line);
        if (rng_one_in(r, 12))
                put_enriched(g, line);
        if (rng_one_in(r, 20))
                buf_putc(line, RNG_PICK(r, "\r \t="));
}
