/* SPDX-License-Identifier: BSD-2-Clause */
/* reload: puts a new configuration in force, whole or not at all. */
#include "master/reload.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "master/brood.h"
#include "master/hand.h"
#include "master/inherit.h"
#include "master/load.h"
#include "master/report.h"
#include "util/log/log.h"

/* Says that a parameter keeps its value until a restart. A text that is cut is
 * better than none. */
static void
tell_ignored(struct outbuf *text, const struct master *m, const char *name)
{
	(void)!outbuf_printf(text,
	    "%s has changed: that needs a restart (holdfast stop, start)\n",
	    name);
	LOG(EV_CONFIG_IGNORED, KV_CSTR("name", name),
	    KV_CSTR("conf", m->conf_path));
}

static void
compare(const struct master *m, const struct conf *conf, struct outbuf *text)
{
	const struct conf *old = m->conf;

	if (!str_eq(conf->main.node, old->main.node))
		tell_ignored(text, m, "node");
	if (!str_eq(conf->main.state_dir, old->main.state_dir))
		tell_ignored(text, m, "state_dir");
	if (conf->workers.smtpd != old->workers.smtpd)
		tell_ignored(text, m, "workers: smtpd");
	if (conf->workers.deliver != old->workers.deliver)
		tell_ignored(text, m, "workers: deliver");
}

/* Without its new mode all else still holds. */
static void
set_submit_mode(
    const struct master *m, const struct conf *conf, struct outbuf *text)
{
	struct run_socket socket = run_socket_of(RUN_SUBMIT, conf);

	if (listen_give(&m->state, &socket) == ERR_OK)
		return;
	/* A text that is cut is better than none. */
	(void)!outbuf_printf(
	    text, "submit: socket_mode cannot be set: %s\n", strerror(errno));
}

/* From here on nothing fails. */
static void
put_in_force(struct master *m, const struct loaded *loaded,
    const struct listeners *fresh)
{
	report_reloading(m);
	listeners_log(fresh, &m->listeners);
	inherit_drop(&m->listeners, fresh);
	listeners_retire(&m->listeners, fresh);
	m->listeners = *fresh;
	(void)close(m->conf_fd);
	conf_free(&m->conf);
	m->conf = loaded->conf;
	m->conf_fd = loaded->fd;
	m->generation++;
	m->loaded_ms = loop_wall_ms(m->loop);
	log_set_level(m->conf->main.log_level);
	LOG(EV_CONFIG_LOADED, KV_CSTR("conf", m->conf_path),
	    KV_NUM("generation", m->generation));
	brood_reload(m);
}

enum err
master_reload(struct master *m, struct outbuf *text)
{
	/* Too large for the stack; there is one master. */
	static struct listeners fresh;
	struct loaded loaded;
	enum err err;

	err = load_conf(&loaded, m->conf_path, text);
	if (err == ERR_OK) {
		err = listeners_make(&fresh, &m->listeners, loaded.conf, text);
		if (err != ERR_OK) {
			conf_free(&loaded.conf);
			(void)close(loaded.fd);
		}
	}
	if (err != ERR_OK) {
		LOG(EV_CONFIG_ERROR, KV_CSTR("conf", m->conf_path),
		    KV_STR("msg", outbuf_str(text)));
		return err;
	}
	compare(m, loaded.conf, text);
	set_submit_mode(m, loaded.conf, text);
	put_in_force(m, &loaded, &fresh);
	return ERR_OK;
}
