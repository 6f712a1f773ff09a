/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A record as auditd writes it to a plugin: as a line, or with a binary header (audispd.c: write_to_plugin()). */
#include <sys/types.h>
#include "base/str.h"

#define FRAME_TEXT_MAX 8970u /* MAX_AUDIT_MESSAGE_LENGTH of libaudit.h */
#define FRAME_MAX      (16u + FRAME_TEXT_MAX)

/* Header (ver, hlen, type, size) and text into @into, which has room for FRAME_MAX. A line with a node or with
 * enriched fields is formatted text (ver 1), another the kernel's text alone (ver 0). @padded: as auditd through
 * 4.1.0. Longer text is cut. Returns the length. */
size_t frame_binary(char *into, Str line, bool padded);

/* "[node=N ]type=EOE msg=audit(…): " for the event of @line; 0: it has no header, or no room. */
size_t frame_eoe(char *into, size_t room, Str line);
bool frame_is_type(Str line, const char *type);
/* "msg=audit(SEC.MS:SERIAL)" and the node, as one text that is the same for the same event; "" without. */
Str frame_stamp(Str line);
/* Seconds and milliseconds; false without a header. */
bool frame_time(Str line, double *ret_sec);
