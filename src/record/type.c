/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include "record/record.h"

const char *record_type_to_name(int type) { return audit_msg_type_to_name(type); }
