"""The one Django app; `ready()` binds ports and does nothing else."""

from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    """Label `governance`: one migration lane for all parts."""

    name = "governance"
    verbose_name = "Threadvault"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Bind the bell of `jobs` to Celery, listen to sign-ins, start error reports, and register the system checks."""
        from governance import checks  # noqa: F401 - registration needs the app registry
        from governance.conf.settings import vault_settings
        from governance.pipeline import binding
        from governance.web import sign_in_events

        binding.bind()
        sign_in_events.connect()
        if dsn := vault_settings().sentry_dsn:
            from governance.web import error_reports  # Costs 0.3 s, which only those pay who want it.

            error_reports.start(dsn)
