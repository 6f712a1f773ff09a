/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <stdio.h>
#include "rule/net.h"

static const uint8_t mapped[12] = { [10] = 0xFF, [11] = 0xFF };

static bool parse_raw(NetAddr *ret, Str text) {
        char z[INET6_ADDRSTRLEN];
        NetAddr a = { 0 };

        if (!text.n || text.n >= sizeof(z))
                return false;
        memcpy(z, text.p, text.n);
        z[text.n] = '\0';
        a.v6 = memchr(z, ':', text.n) != NULL;
        if (strlen(z) != text.n || inet_pton(a.v6 ? AF_INET6 : AF_INET, z, a.bytes) != 1)
                return false;
        *ret = a;
        return true;
}

bool net_addr_parse(NetAddr *ret, Str text) {
        if (!parse_raw(ret, text))
                return false;
        if (ret->v6 && !memcmp(ret->bytes, mapped, sizeof(mapped))) {
                NetAddr v4 = { .v6 = false };

                memcpy(v4.bytes, ret->bytes + 12, 4);
                *ret = v4;
        }
        return true;
}

static unsigned bit(const uint8_t *bytes, unsigned i) { return bytes[i / 8] >> (7 - i % 8) & 1; }

NetProblem net_parse(Net *ret, Str text) {
        const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
        size_t n = slash ? (size_t)(slash - text.p) : text.n;
        uint64_t bits;
        unsigned width;
        Net net;
        NetProblem problem = NET_OK;

        if (!parse_raw(&net.addr, (Str){ text.p, n }))
                return NET_BAD_ADDRESS;
        width = net.addr.v6 ? 128 : 32;
        bits = width;
        if (slash && (!str_u64((Str){ slash + 1, text.n - n - 1 }, 10, &bits) || bits > width))
                return NET_BAD_LENGTH;
        net.bits = (unsigned)bits;
        for (unsigned i = net.bits; i < width; i++)
                if (bit(net.addr.bytes, i)) {
                        net.addr.bytes[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
                        problem = NET_HOST_BITS;
                }
        if (problem) {
                *ret = net;
                return problem;
        }
        if (net.addr.v6 && net.bits >= 96 && !memcmp(net.addr.bytes, mapped, sizeof(mapped))) {
                memmove(net.addr.bytes, net.addr.bytes + 12, 4);
                net.addr.v6 = false;
                net.bits -= 96;
        }
        *ret = net;
        return NET_OK;
}

void net_text(const Net *net, char ret[NET_TEXT_SIZE]) {
        inet_ntop(net->addr.v6 ? AF_INET6 : AF_INET, net->addr.bytes, ret, INET6_ADDRSTRLEN);
        snprintf(ret + strlen(ret), NET_TEXT_SIZE - strlen(ret), "/%u", net->bits);
}

bool net_contains(const Net *net, const NetAddr *addr) {
        unsigned whole = net->bits / 8, rest = net->bits % 8;

        if (net->addr.v6 != addr->v6 || memcmp(net->addr.bytes, addr->bytes, whole) != 0)
                return false;
        return !rest || (net->addr.bytes[whole] ^ addr->bytes[whole]) >> (8 - rest) == 0;
}
