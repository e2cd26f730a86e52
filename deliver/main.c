/* SPDX-License-Identifier: BSD-2-Clause */
/* main: a delivery worker: speaks SMTP to the world, for qmgr. */
#include "deliver/work.h"
#include "util/svc/svc.h"

int
main(int argc, char **argv)
{
	static const struct svc_ops ops = {
		.name = "deliver",
		.start = work_start,
		.reload = work_reload,
		.stop = work_stop,
	};

	return svc_main(&ops, argc, argv);
}
