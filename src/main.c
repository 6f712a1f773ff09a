/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include "role/role.h"

int main(int argc, char **argv) {
        if (argc > 1 && !strcmp(argv[1], "records"))
                return cmd_records(argc - 1, argv + 1);
        return 2;
}
