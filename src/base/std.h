/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Standard input, output and error, one or more of which a caller may have closed (command <&- >&-). Whatever is opened next
 * would take the number of one, and be read as the input, or written over.
 *
 * To be called first of all in main(). */
#include <stdbool.h>

/* Puts /dev/null in the place of what is closed, open the wrong way round, so that input that is asked for and output that is
 * written still fail with EBADF. False: there is no /dev/null, or no descriptor. */
bool std_hold(void);
