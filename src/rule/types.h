/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The record types that views are made from; numbers of linux/audit.h. */
enum {
        TYPE_SYSCALL = 1300,
        TYPE_PATH = 1302,
        TYPE_SOCKADDR = 1306,
        TYPE_CWD = 1307,
        TYPE_EXECVE = 1309,
        TYPE_EOE = 1320,
        TYPE_PROCTITLE = 1327,
        TYPE_URINGOP = 1336,
};
