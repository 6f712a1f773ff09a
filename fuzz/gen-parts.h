/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the parts of the generator share. Nobody but gen*.c includes this. */
#include "fuzz/gen.h"
#include "fuzz/rng.h"

#define GEN_IDS 12

typedef struct {
        char stamp[64]; /* what stands between "(" and ")", as all records of this identity write it */
        char node[64];  /* what the line starts with, its blank included, or "" */
} GenId;

typedef struct {
        Rng rng;
        GenId ids[GEN_IDS];
        unsigned n_ids;
        int64_t sec; /* about now */
        /* how odd this case is: once in so many */
        unsigned odd_header, odd_body, mutate, move_on, new_id;
        unsigned avc; /* weight of AVC records, in percent */
        bool long_lines;
        unsigned widest; /* not 0: headers as long as they can be, with a node of so many bytes */
} Gen;

/* An identity: mostly plain, sometimes with a stamp or node that tests the header's rules. */
void gen_id(Gen *g, GenId *ret);

/* "[node=N ]type=T msg=audit(STAMP): " of @id. *ret_avc: the body should be that of an AVC record. */
void gen_header(Gen *g, Buf *line, const GenId *id, bool *ret_avc);

/* What follows it. */
void gen_body(Gen *g, Buf *line, bool avc);

/* @n times @c. */
void gen_fill(Buf *line, char c, size_t n);
