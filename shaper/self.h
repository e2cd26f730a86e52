/* SPDX-License-Identifier: BSD-2-Clause */
/* self: whether an address is one of our own, where mail would go round. */
#ifndef SHAPER_SELF_H
#define SHAPER_SELF_H

#include <stdbool.h>

#include "util/conf/conf.h"
#include "util/io/sock.h"

/* Whether one of the listeners of conf is reached at this address: it is bound
 * to it, or to all addresses of the machine, of which this is one. */
bool self_listens(const struct conf *conf, const struct sock_addr *address);

#endif /* SHAPER_SELF_H */
