/* SPDX-License-Identifier: BSD-2-Clause */
/* main: the queue manager: owns the spool, lends parts to workers. */
#include <string.h>

#include "qmgr/account.h"
#include "qmgr/start.h"
#include "util/svc/svc.h"

int
main(int argc, char **argv)
{
	static const struct svc_ops ops = {
		.name = "qmgr",
		.start = start_service,
		.reload = start_reload,
		.stop = start_stop,
	};

	if (argc == 3 && strcmp(argv[1], "--account") == 0)
		return account_main(argv[2]);
	return svc_main(&ops, argc, argv);
}
