/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>
#include "fuzz/gen-parts.h"

/* Types that end an event, that do not, and those at the borders of the library's ranges. */
static const char *const types[] = { "SYSCALL",
                                     "SYSCALL",
                                     "PATH",
                                     "CWD",
                                     "EXECVE",
                                     "PROCTITLE",
                                     "PROCTITLE",
                                     "EOE",
                                     "EOE",
                                     "LOGIN",
                                     "LOGIN",
                                     "USER_LOGIN",
                                     "USER",
                                     "KERNEL",
                                     "CONFIG_CHANGE",
                                     "DAEMON_START",
                                     "ANOM_ABEND",
                                     "ANOM_LOGIN_TIME",
                                     "RESP_ALERT",
                                     "MAC_IPSEC_EVENT",
                                     "MAC_UNLBL_ALLOW",
                                     "MAC_CALIPSO_DEL",
                                     "CRYPTO_LOGIN",
                                     "SOCKADDR",
                                     "AVC",
                                     "USER_AVC",
                                     "SECCOMP",
                                     "INTEGRITY_DATA",
                                     "BPF",
                                     "LIST" };
static const char *const odd_types[] = {
        "UNKNOWN[1300]",
        "UNKNOWN[1327]",
        "UNKNOWN[1400]",
        "UNKNOWN[1405]",
        "UNKNOWN[1406]",
        "UNKNOWN[1419]",
        "UNKNOWN[1420]",
        "UNKNOWN[1999]",
        "UNKNOWN[2000]",
        "UNKNOWN[2001]",
        "UNKNOWN[2099]",
        "UNKNOWN[2100]",
        "UNKNOWN[1299]",
        "UNKNOWN[1320]",
        "UNKNOWN[-1]",
        "UNKNOWN[]",
        "UNKNOWN[1300",
        "UNKNOWN[x]",
        "UNKNOWN[123456789]",
        "UNKNOWN[99999999]",
        "unknown[1300]",
        "UNKNOWN[ 1300]",
        "UNKNOWN[1107]x",
        "UNKNOWN[0x514]",
        "UNKNOWN[1400xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]",
        "1300",
        "1327",
        "1320",
        "1400",
        "1107",
        "0",
        "2100",
        "1299",
        "4294967295",
        "99999999999999999999",
        "0000000000000000000000000000000000000000000000000000000000000000000000000000001300",
        "1300x",
        "1300)",
        "1300,",
        "1300:",
        "1300'",
        "1400):,')",
        "syscall",
        "Syscall",
        "avc",
        "eoe",
        "proctitle",
        "NOSUCH",
        "no such",
        "",
        "x",
        "\"SYSCALL\"",
        "SYSCALL:",
        "SYSCALL,",
        "SYSCALL'",
        "SYSCALL)",
        "AVC:",
        "EOE,",
        "EOE)",
        "(SYSCALL",
        "=SYSCALL",
        "SYSCALL=x",
        "SYSCALL\t",
        "\tSYSCALL",
        "SYSCALL\x1D",
        "(none)",
        "(null)",
        "USER_LOGIN_OF_A_NAME_THAT_IS_LONGER",
        "\xC3\xA9",
        "0000000000000000000000000001300",
        "UNKNOWN[1300]xxxxxxxxxxxxxxxxxx",
        "1300xxxxxxxxxxxxxxxxxxxxxxxxx",
        "-1",
        "+1300",
        "TYPE=SYSCALL",
        "type=AVC",
        "AVC\r"
};
static const char *const type_names[] = {
        "type=",        "type=",        "type=",       "type=",      "type=",         "type=",
        "type=",        "Type=",        "TYPE=",       "(type=",     "((type=",       "typ=",
        "type==",       "type",         " type=",      "x=y type=",  "node=n type=",  "msg='type=",
        "key=41 type=", "msg=ab type=", "type= type=", "word type=", "type=EOE type="
};
static const char *const nodes[] = { "node=a ", "node=web1 ", "node=web2 ", "node=192.0.2.7 " };
static const char *const odd_nodes[] = {
        "node= ",      "node=  ",    "node=a",         "n ",           "nnnnn ",       "nnnnnn ",
        "nodes=a ",    "nodex ",     "node:a ",        "Node=a ",      " node=a ",     "node=(a) ",
        "node=a: ",    "node=a,') ", "node=a=b ",      "node=node=a ", "node=(null) ", "node=\x1D ",
        "node=a\x1D ", "node=\t ",   "node=a\tb ",     "node=key ",    "(node=a ",     "node=a node=b ",
        "name=a ",     "nkey=4142 ", "node=\xFF\xFE ", "nomsg='a=b ",  "node=a  ",     "node=\"a b\" "
};
static const char *const messages[] = {
        "msg=audit(", "msg=audit(",  "msg=audit(", "msg=audit(", "msg=audit(",   "msg=audit(",  "msg=audit((",
        "msg=audi(",  "msg=(",       "a(bcdefgh(", "xxxxxxxxx(", "xxxxxxxx(",    "audit(",      "msg='audit(",
        "msg=b(",     "msg=audit (", "a=b(",       "(",          "msg=audit(\t", "msg=audit(-", "msg=audit(+",
        "key=audit(", "key=4142(",   "type=AVC(",  "msg=audit(x"
};
static const char *const ends[] = { "):",     "):",     "):",   "):",  "):",   "):",  "):",    "):",
                                    ")",      "",       ":",    ")::", ") :",  "):x", "):a=b", ")):",
                                    "\x1D):", "):\x1D", "):\t", "):=", "):  ", "\r",  "):'" };
static const char *const odd_stamps[] = { "1",
                                          "1.2",
                                          "1.2:3",
                                          ".2:3",
                                          ":3",
                                          "",
                                          "1:2.3",
                                          "1:2",
                                          "1.2.3:4",
                                          "1..2:3",
                                          "1.2::3",
                                          "1.:3",
                                          "1.2:",
                                          "1.999:3",
                                          "1.1000:3",
                                          "1.4294967296:3",
                                          "1.4294967297:3",
                                          "1.42949672960005:3",
                                          "1.-1:3",
                                          "1.+5:3",
                                          "1.0x5:3",
                                          "-1.2:3",
                                          "-5.2:3",
                                          "+1.2:3",
                                          "0x10.2:3",
                                          "1.2:-3",
                                          "1.2:0x3",
                                          "1.2:18446744073709551615",
                                          "1.2:18446744073709551616",
                                          "18446744073709551615.2:3",
                                          "18446744073709551616.2:3",
                                          "9223372036854775807.2:3",
                                          "9223372036854775805.2:3",
                                          "9223372036854775804.2:3",
                                          "9223372036854775803.2:3",
                                          "-9223372036854775808.2:3",
                                          "-9223372036854775810.2:3",
                                          "1.18446744073709551616:3",
                                          "\t1.\t2:\t3",
                                          "1.2:3:4",
                                          "1,2:3",
                                          "1.02:003",
                                          "01.002:3",
                                          "1.2:9223372036854775808",
                                          "1.2:10000000000000000000",
                                          "99999999999.2:3",
                                          "100000000000.2:3",
                                          "1.0002:3",
                                          "1.2:3x",
                                          "1.2x:3",
                                          "1x.2:3",
                                          "1.2:4294967299",
                                          "1.00000000000000000002:3",
                                          "1.2(:3",
                                          "1.2\x1D:3",
                                          "1\x1D.2:3",
                                          "1.2:0000000000000000000000000000003" };

/* Each of them is trimmed from the end of a value once at most, in one order. */
static const char trailing[] = { ':', ',', '\'', ')' };

void gen_fill(Buf *line, char c, size_t n) {
        while (n--)
                buf_putc(line, c);
}

void gen_id(Gen *g, GenId *id) {
        Rng *r = &g->rng;
        bool small = !g->widest && rng_one_in(r, 6), wide = g->widest || rng_one_in(r, 12);

        if (rng_one_in(r, g->odd_header * 4)) {
                snprintf(id->stamp, sizeof(id->stamp), "%s", RNG_PICK(r, odd_stamps));
        } else {
                int64_t sec =
                        (small ? 0 : g->sec) + rng_below(r, 3) - (rng_one_in(r, 8) ? rng_below(r, 5) : 0);
                unsigned ms = rng_one_in(r, 2) ? 0 : rng_below(r, rng_one_in(r, 3) ? 1000 : 3);

                snprintf(id->stamp, sizeof(id->stamp),
                         small  ? "%" PRId64 ".%u:%u"
                         : wide ? "%011" PRId64 ".%03u:%019u"
                                : "%" PRId64 ".%03u:%u",
                         sec, ms, (small ? 1 : 100) + rng_below(r, rng_one_in(r, 3) ? 2000 : 3));
        }
        id->node[0] = 0;
        if (rng_one_in(r, 4))
                snprintf(id->node, sizeof(id->node), "%s",
                         rng_one_in(r, g->odd_header) ? RNG_PICK(r, odd_nodes) : RNG_PICK(r, nodes));
        /* the same time and serial on another machine: what is delivered first is decided by the library's
         * array */
        if (g->n_ids && rng_one_in(r, 4))
                memcpy(id->stamp, g->ids[rng_below(r, g->n_ids)].stamp, sizeof(id->stamp));
}

/* The library looks at 80 bytes, or 340: something in the header ends just there. */
static void stretch(Gen *g, Buf *line, size_t needed) {
        size_t window = line->n && line->p[0] == 'n' ? 340 : 80, room = needed + rng_below(&g->rng, 12);

        if (line->n + room < window)
                gen_fill(line,
                         RNG_PICK(&g->rng, "  xX\t\x1D"
                                           "0"),
                         window - line->n - room + rng_below(&g->rng, 8));
}

static void gen_node(Gen *g, Buf *line, const GenId *id) {
        Rng *r = &g->rng;

        if (rng_one_in(r, g->odd_header * 4))
                gen_fill(line, ' ', rng_one_in(r, 2) ? 1 : rng_below(r, 90));
        if (rng_one_in(r, g->odd_header * 8)) { /* a node name near the limits of either reading */
                buf_putz(line, "node=");
                gen_fill(line, RNG_PICK(r, "ab"),
                         rng_one_in(r, 2) ? rng_between(r, 248, 258) : rng_between(r, 280, 345));
                buf_putc(line, ' ');
        } else {
                buf_putz(line, id->node);
        }
}

static void gen_type(Gen *g, Buf *line, bool *ret_avc) {
        Rng *r = &g->rng;
        bool odd = rng_one_in(r, g->odd_header);
        const char *type =
                rng_below(r, 100) < g->avc ? (rng_one_in(r, 3) ? "USER_AVC" : "AVC") : RNG_PICK(r, types);

        if (odd && rng_one_in(r, 2))
                type = RNG_PICK(r, odd_types);
        *ret_avc = strstr(type, "AVC") || strstr(type, "1400") || strstr(type, "1107");
        buf_putz(line, odd && rng_one_in(r, 2) ? RNG_PICK(r, type_names) : "type=");
        buf_putz(line, type);
        if (odd && rng_one_in(r, 4))
                for (unsigned n = rng_below(r, 5); n; n--)
                        buf_putc(line, RNG_PICK(r, trailing));
        gen_fill(line, ' ', odd && rng_one_in(r, 3) ? rng_below(r, 4) : 1);
}

/* Longer than the library's window, though every part is within our limits. */
static void put_widest(Gen *g, Buf *line, const GenId *id) {
        static const char *const wide[] = { "0000000000000000000000000001300",
                                            "UNKNOWN[1300]xxxxxxxxxxxxxxxxxx",
                                            "1327xxxxxxxxxxxxxxxxxxxxxxxxxxx" };

        buf_putz(line, "node=");
        gen_fill(line, 'a', g->widest);
        buf_printf(line, " type=%s msg=audit(%s): ", RNG_PICK(&g->rng, wide), id->stamp);
}

void gen_header(Gen *g, Buf *line, const GenId *id, bool *ret_avc) {
        Rng *r = &g->rng;
        bool odd = rng_one_in(r, g->odd_header), far = rng_one_in(r, g->odd_header * 3);

        if (g->widest && !odd) {
                *ret_avc = false;
                put_widest(g, line, id);
                return;
        }
        gen_node(g, line, id);
        gen_type(g, line, ret_avc);
        if (far && rng_one_in(r, 2))
                stretch(g, line, 10 + strlen(id->stamp));
        buf_putz(line, odd && rng_one_in(r, 2) ? RNG_PICK(r, messages) : "msg=audit(");
        if (far && rng_one_in(r, 4))
                stretch(g, line, strlen(id->stamp));
        buf_putz(line, id->stamp);
        buf_putz(line, odd && rng_one_in(r, 2) ? RNG_PICK(r, ends) : "):");
        gen_fill(line, ' ', rng_one_in(r, 8) ? rng_below(r, 4) : 1);
}
