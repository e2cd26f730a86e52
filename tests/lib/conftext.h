/* SPDX-License-Identifier: BSD-2-Clause */
/* conftext: configurations out of texts, for tests. */
#ifndef TESTS_LIB_CONFTEXT_H
#define TESTS_LIB_CONFTEXT_H

#include <stddef.h>

#include "util/conf/conf.h"
#include "util/conf/snapshot.h"

/* What must be there, for tests of the rest; three lines. */
#define CONFTEXT_HEAD \
	"node = \"mx1\" state_dir = \"/x\"\n" \
	"listener \"in\" { address = { \"127.0.0.1:25\" } }\n" \
	"route \"*\" { relay = { \"127.0.0.1:26\" } }\n"

/* The errors of a text, each on its lines; "" when *conf was made. */
static inline const char *
conftext_new(struct conf **conf, const char *text)
{
	static char told[CONF_ERRORS_MAX * CONF_ERROR_MAX_BYTES];
	struct outbuf out = { told, 0, sizeof(told) - 1 };
	struct conf_snapshot snapshot;
	struct conf_errors errors;
	enum err err;

	*conf = NULL;
	conf_errors_init(&errors);
	conf_snapshot_of_text(&snapshot, "a.conf", str_from_c(text));
	err = conf_new(conf, snapshot.blob, &errors);
	conf_errors_put(&errors, &out);
	BUG_IF((err == ERR_OK) != (out.len == 0));
	BUG_IF((err == ERR_OK) != (*conf != NULL));
	told[out.len] = '\0';
	conf_errors_fini(&errors);
	conf_snapshot_fini(&snapshot);
	return told;
}

#endif /* TESTS_LIB_CONFTEXT_H */
