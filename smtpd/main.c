/* SPDX-License-Identifier: BSD-2-Clause */
/* main: smtpd: takes mail in from clients and makes it durable. */
#include "smtpd/server.h"
#include "util/svc/svc.h"

static const struct svc_ops ops = {
	.name = "smtpd",
	.start = server_start,
	.reload = server_reload,
	.stop = server_stop,
};

int
main(int argc, char **argv)
{
	return svc_main(&ops, argc, argv);
}
