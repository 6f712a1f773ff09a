/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The names of this machine in node= that are not its host name: auditd writes the one that auditd.conf says (name_format = user) or an address
 * (numeric).
 *
 * They tell our own events from those of others (echo.h), so only what no other machine has counts: an address of an interface of ours, and
 * one of loopback only where auditd takes nothing from the network (tcp_listen_port), as there everybody has it. */
#include "role/engine/echo.h"

/* Puts them into @self, in the place of those there, as of auditd.conf in the folder of the auditd that is process @auditd (its option -c), or
 * in /etc/audit. What cannot be read says nothing. */
void node_names_find(EchoSelf *self, int64_t auditd);

/* The same for the text of an auditd.conf. */
void node_names_of(EchoSelf *self, Str conf);
