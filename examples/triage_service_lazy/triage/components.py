"""Pluggable processing components."""


class BaseComponent:
    def process(self, ticket):
        return {}

    def validate(self, ticket):
        raise NotImplementedError


class SpamFilter(BaseComponent):
    def process(self, ticket):
        return ticket


class Enricher(BaseComponent):
    pass


def acquire_lock(ticket_id):
    return True


def load_customer(customer_id):
    return {"name": "John Doe", "plan": "pro"}


def close_ticket(ticket):
    pass
