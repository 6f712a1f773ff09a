/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What libaulert is and which one this is. Every public header can be included from C++. */
#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that runs, "0.1.0". Never freed. */
const char *aulert_version(void);

#ifdef __cplusplus
}
#endif
