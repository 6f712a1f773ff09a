/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Networks for the modifier `cidr`. IPv4 addresses inside IPv6 (::ffff:a.b.c.d) are IPv4 addresses. */
#include "base/str.h"

typedef struct {
        uint8_t bytes[16];
        bool v6;
} NetAddr;

typedef struct {
        NetAddr addr;
        unsigned bits;
} Net;

typedef enum { NET_OK, NET_BAD_ADDRESS, NET_BAD_LENGTH, NET_HOST_BITS } NetProblem;

bool net_addr_parse(NetAddr *ret, Str text);

/* "a.b.c.d/n", "x::/n", or an address alone, which is a network of one. Bits beyond the length must be zero; with NET_HOST_BITS *ret is
 * the network without them. */
NetProblem net_parse(Net *ret, Str text);

#define NET_TEXT_SIZE 52

/* An address and a length, as above. */
void net_text(const Net *net, char ret[NET_TEXT_SIZE]);

bool net_contains(const Net *net, const NetAddr *addr);
