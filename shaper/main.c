/* SPDX-License-Identifier: BSD-2-Clause */
/* main: the shaper daemon: knows routes and limits, holds no message. */
#include "shaper/server.h"
#include "util/svc/svc.h"

int
main(int argc, char **argv)
{
	static const struct svc_ops ops = {
		.name = "shaper",
		.start = server_start,
		.reload = server_reload,
		.stop = server_stop,
	};

	return svc_main(&ops, argc, argv);
}
