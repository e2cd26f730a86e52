/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_conf: any text, and any snapshot, is a configuration or has errors. */
#include "util/conf/conf.h"

#include "tests/fuzz/fuzz.h"
#include "util/conf/lookup.h"
#include "util/conf/snapshot.h"

#define RAW_MAX_BYTES 16384

/* Asks a configuration what programs ask; names are taken out of raw. */
static void
ask(const struct conf *conf, struct str raw)
{
	struct str half = str_head(raw, raw.len / 2);
	struct conf_queue_name name = { half, str_tail(raw, half.len), half };
	const struct conf_route *route = conf_route_find(conf, half);
	struct conf_tenant tenant;
	struct conf_queue queue;
	struct conf_site site;

	conf_queue_policy(conf, &name, &queue);
	conf_site_policy(conf, half, name.campaign, &site);
	conf_tenant_policy(conf, half, &tenant);
	BUG_IF(queue.retry_max_ms < queue.retry_first_ms);
	BUG_IF(site.connections == 0 || tenant.weight == 0);
	BUG_IF(route != NULL && route->relay.n == 0);
	BUG_IF(conf->main.node.len == 0 || conf->n_listener == 0);
}

static void
try_blob(struct str blob, struct str raw)
{
	struct conf *conf = NULL;
	struct conf_errors errors;
	enum err err;

	conf_errors_init(&errors);
	err = conf_new(&conf, blob, &errors);
	BUG_IF((err == ERR_OK) != (errors.n == 0));
	BUG_IF((err == ERR_OK) != (conf != NULL));
	if (conf != NULL)
		ask(conf, raw);
	conf_free(&conf);
	conf_errors_fini(&errors);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = { (const char *)data, size };
	struct conf_snapshot snapshot;

	if (size > RAW_MAX_BYTES)
		return 0;
	conf_snapshot_of_text(&snapshot, "fuzz.conf", raw);
	try_blob(snapshot.blob, raw);
	conf_snapshot_fini(&snapshot);
	try_blob(raw, raw);
	return 0;
}
