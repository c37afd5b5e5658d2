"""A fair queue: a standard queue that lets quiet tenants pass when one of them is noisy.

A tenant is a `MessageGroupId`; a message without one is a tenant of its own and always quiet.
Source: SQS Developer Guide, sqs-fair-queues-detailed.html.
"""

from __future__ import annotations

from collections import deque

from msgsim.model.message import Delivery, Message
from msgsim.services.sqs_queue.rules import BACK_OF_QUEUE_RECEIVES
from msgsim.services.sqs_queue.standard import StandardState
from msgsim.services.sqs_queue.state import SLACK
from msgsim.services.sqs_queue.stored import DELAYED, IN_FLIGHT, VISIBLE, Moved, Stored
from msgsim.services.sqs_queue.tenants import FairRules, Tenant


class FairState(StandardState):
    """Priority to customers of quiet classes; a class is noisy by its share of the servers.

    It takes the place of a plain state when the first message with a group comes, so that queues
    without groups pay nothing.

    Args:
        plain: the state so far; it must not be used any longer.
        rules: when a tenant is noisy.
        now: the time (ns).
    """

    fair = True

    def __init__(self, plain: StandardState, rules: FairRules, now: int) -> None:
        self.__dict__.update(plain.__dict__)
        self.rules = rules
        self._windows = max(1, rules.recent_ns // rules.evaluation_ns)
        self._now = now
        self._tenants: dict[str, Tenant] = {}
        self._noisy: list[Tenant] = []
        self._everyone = Tenant("", now, self._windows, self.in_flight)

    # Tenants -------------------------------------------------------------------------------

    def _tenant(self, message: Message) -> Tenant | None:
        if not message.grouped:
            return None
        name = message.key.name
        tenant = self._tenants.get(name)
        if tenant is None:
            tenant = self._tenants[name] = Tenant(name, self._now, self._windows)
        return tenant

    @property
    def has_tenants(self) -> bool:
        """Whether there is anybody to look at."""
        return bool(self._tenants)

    def noisy_groups(self) -> list[str]:
        """Return the groups that are noisy now (`ApproximateNumberOfNoisyGroups` counts them)."""
        return [tenant.name for tenant in self._noisy]

    def is_noisy(self, copy: Stored) -> bool:
        """Say whether a copy belongs to a noisy group."""
        tenant = self._tenants.get(copy.message.key.name) if copy.message.grouped else None
        return tenant is not None and tenant.noisy

    def quiet_counters(self) -> tuple[int, int, int]:
        """Return visible, in flight and delayed messages of quiet groups (`…InQuietGroups`)."""
        states = [copy.state for copy in self.copies() if not self.is_noisy(copy)]
        return states.count(VISIBLE), states.count(IN_FLIGHT), states.count(DELAYED)

    def quiet_oldest_ns(self) -> int | None:
        """Return since when the oldest unprocessed message of a quiet group waits, or None."""
        return min(
            (
                copy.moved_ns if isinstance(copy, Moved) else copy.arrived_ns
                for copy in self.copies()
                if not copy.ghost and self.ages(copy) and not self.is_noisy(copy)
            ),
            default=None,
        )

    def evaluate(self, now: int) -> None:
        """Look at every tenant: who becomes noisy, who is quiet again, who has gone."""
        rules = self.rules
        self._now = now
        everything = self._everyone.recent_work(now)
        for tenant in list(self._tenants.values()):
            work = tenant.recent_work(now)
            much = work > rules.share * everything
            loud = much and (rules.time_rule or work >= rules.in_flight * rules.recent_ns)
            if tenant.noisy:
                idle = not tenant.in_flight and now - tenant.idle_since_ns >= rules.idle_ns
                if idle or not (tenant.visible or loud):
                    self._step_forward(tenant)
            elif loud:
                self._step_back(tenant)
            elif not (tenant.visible or tenant.in_flight or work):
                del self._tenants[tenant.name]

    def _step_back(self, tenant: Tenant) -> None:
        tenant.noisy = True
        self._noisy.append(tenant)
        tenant.lines = [deque() for _ in self._fresh]
        if not self.rules.resorts:
            return
        for lines in (self._again, self._fresh):
            for host, line in enumerate(lines):
                lines[host] = deque(copy for copy in line if not self.is_noisy(copy))
                own = (copy for copy in line if copy.state == VISIBLE and self.is_noisy(copy))
                tenant.lines[host].extend(own)

    def _step_forward(self, tenant: Tenant) -> None:
        tenant.noisy = False
        self._noisy.remove(tenant)
        for host, line in enumerate(tenant.lines):
            self._fresh[host].extendleft(reversed(line))
        tenant.lines = []

    # Where copies stand --------------------------------------------------------------------

    def show(self, copy: Stored) -> None:
        """Stand in the common line, or in that of a noisy tenant."""
        tenant = self._tenant(copy.message)
        if tenant is not None:
            tenant.visible += 1
        if tenant is None or not tenant.noisy:
            super().show(copy)
            return
        if copy.shelf is None:
            copy.shelf = self._pick_host(copy.message.number)
        if 0 < copy.receives < BACK_OF_QUEUE_RECEIVES:
            tenant.lines[copy.shelf].appendleft(copy)
        else:
            tenant.lines[copy.shelf].append(copy)

    def hide(self, copy: Stored) -> None:
        """Leave it to receives to skip copies that are gone, until they are too many."""
        super().hide(copy)
        tenant = self._tenant(copy.message)
        if tenant is not None and tenant.noisy:
            line = tenant.lines[copy.shelf]
            if len(line) > SLACK + 2 * self.visible:
                tenant.lines[copy.shelf] = deque(c for c in line if c.state == VISIBLE)

    def clear_shelves(self) -> None:
        """Forget every tenant."""
        super().clear_shelves()
        self._tenants.clear()
        self._noisy.clear()
        self._everyone.change_in_flight(self._now, -self._everyone.in_flight)

    # Counting ------------------------------------------------------------------------------

    def _count_in_flight(self, now: int, copy: Stored, change: int) -> None:
        self._everyone.change_in_flight(now, change)
        tenant = self._tenant(copy.message)
        if tenant is not None:
            tenant.change_in_flight(now, change)

    def _leave_sight(self, copy: Stored) -> None:
        tenant = self._tenant(copy.message)
        if tenant is not None:
            tenant.visible -= 1

    def send(self, now: int, message: Message, delay_ns: int | None = None) -> Stored:
        """Store a message on a host; it becomes visible after its delay."""
        self._now = now
        return super().send(now, message, delay_ns)

    def hand_over(self, now: int, message: Message, visibility_ns: int) -> Delivery:
        """Store a message and give it at once to a long poll that waits."""
        self._now = now
        tenant = self._tenant(message)
        if tenant is not None:
            tenant.visible += 1
        return super().hand_over(now, message, visibility_ns)

    def _hand_out(self, now: int, copy: Stored, visibility_ns: int) -> Delivery:
        self._leave_sight(copy)
        self._count_in_flight(now, copy, 1)
        return super()._hand_out(now, copy, visibility_ns)

    def _come_back(self, copy: Stored) -> None:
        self._count_in_flight(self._now, copy, -1)
        super()._come_back(copy)

    def dead_letter(self, copy: Stored) -> None:
        """Take a visible copy out, for the dead-letter queue."""
        self._leave_sight(copy)
        super().dead_letter(copy)

    def discard(self, copy: Stored) -> None:
        """Take a copy out, whatever its state."""
        if copy.state == VISIBLE:
            self._leave_sight(copy)
        super().discard(copy)

    def release(self, copy: Stored) -> None:
        """A copy in flight is gone."""
        self._count_in_flight(self._now, copy, -1)

    def delete(self, now: int, delivery: Delivery) -> str | None:
        """Delete by any receipt of the copy, old or late."""
        self._now = now
        copy: Stored = delivery.copy  # type: ignore[assignment]
        if copy.state == IN_FLIGHT:
            self._count_in_flight(now, copy, -1)
        return super().delete(now, delivery)

    def expire(self, now: int) -> tuple[list[Delivery], list[Stored]]:
        """Let everything due at `now` happen."""
        self._now = now
        return super().expire(now)

    # Receiving -----------------------------------------------------------------------------

    def _collect(
        self,
        now: int,
        hosts: list[int],
        room: int,
        visibility_ns: int,
        deliveries: list[Delivery],
        dead: list[Stored],
    ) -> None:
        """Take messages of quiet tenants first, then of the noisy one with fewest in flight."""
        super()._collect(now, hosts, room, visibility_ns, deliveries, dead)
        waiting = [tenant for tenant in self._noisy if tenant.visible]
        while waiting and len(deliveries) < room:
            tenant = min(waiting, key=lambda tenant: tenant.in_flight)
            copy = tenant.next(hosts)
            if copy is None:
                waiting.remove(tenant)
            elif self.max_receives is not None and copy.receives >= self.max_receives:
                self.dead_letter(copy)
                dead.append(copy)
            else:
                deliveries.append(self._hand_out(now, copy, visibility_ns))
