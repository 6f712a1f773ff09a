/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* An alert that is not told yet, for a successor of this process: the packed form, and what its sentence may still be made of. */
#include "alert/alert.h"
#include "base/pack.h"

int alert_save(Buf *out, const Alert *a); /* 0 or -ENOMEM */

/* 0, PACK_E_BAD or -ENOMEM. One reference. No larger in any form than any other alert, whatever the bytes say. */
int alert_restore(Alert **ret, Unpack *in);
