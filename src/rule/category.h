/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Sigma's categories, made from audit events: process_creation, network_connection, file_event (sigma-semantics B5 to B7). */
#include "rule/view.h"

typedef enum {
        CATEGORY_IMAGE,
        CATEGORY_COMMAND_LINE,
        CATEGORY_CURRENT_DIRECTORY,
        CATEGORY_USER,
        CATEGORY_LOGON_ID,
        CATEGORY_TERMINAL_SESSION_ID,
        CATEGORY_PROCESS_ID,
        CATEGORY_PARENT_PROCESS_ID,
        CATEGORY_PARENT_IMAGE,
        CATEGORY_PARENT_COMMAND_LINE,
        CATEGORY_INITIATED,
        CATEGORY_DESTINATION_IP,
        CATEGORY_DESTINATION_PORT,
        CATEGORY_SOURCE_IP,
        CATEGORY_SOURCE_PORT,
        CATEGORY_TARGET_FILENAME,
        _CATEGORY_N
} CategoryField;

extern const char *const category_names[_CATEGORY_N];

typedef struct {
        Str v[_CATEGORY_N]; /* STR_NULL: the field is absent */
} CategoryValues;

/* False: this event (for VIEW_FILE: this PATH record) is nothing of that category. */
bool category_read(Viewer *x, ViewKind kind, const Record *r, CategoryValues *ret);

/* Whether the event can be of the category at all, cheaply: by the types of its records. */
bool category_possible(const Event *e, ViewKind kind);

/* False: the event is surely nothing of VIEW_PROCESS or VIEW_NETWORK, as the head of its SYSCALL record shows. Cheaper than reading it. */
bool category_likely(Viewer *x, ViewKind kind);

/* For category.c: keeps text until the next event. */
Str view_keep(Viewer *x, Str s);

/* A value of saddr=, whatever the machine; the address without its scope. False: it is none. */
bool view_read_socket(Viewer *x, Str hex, SocketAddress *ret);
