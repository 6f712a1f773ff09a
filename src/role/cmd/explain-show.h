/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Writes explanations, for people or as JSON (one object a line). All of it is inert. */
#include "rule/explain.h"

/* What was left out because it is about something else. */
typedef struct {
        uint64_t types, categories, correlations; /* rules */
        uint64_t views;                           /* what rules of a category see */
} ShowLeft;

typedef struct {
        void (*event)(Buf *out, const Event *event);
        void (*view)(Buf *out, const Event *event, const ExplainView *v);
        void (*rule)(Buf *out, const Event *event, const Explanation *e);
        void (*left)(Buf *out, const Event *event, const ShowLeft *left);
} ShowFormat;

extern const ShowFormat show_text, show_json;
