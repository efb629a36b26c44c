"""SIGKILL an agent in the middle of its task, again and again.

The victim is seen at work (or while it waits for the answer to its ACK) before it is struck. Half of the dead
come back under their own name, and are replaced at once; for the others somebody else steps in, and their
lease has to run out. Either way each piece ends once.
"""

from guildbus.launch.bench.faults.arena import arena
from guildbus.launch.bench.faults.board import Doing
from guildbus.launch.bench.faults.scenario import Outcome, Trial


async def run(trial: Trial) -> Outcome:
    """`count` kills over four agents."""
    outcome = Outcome()
    async with arena(trial) as scene:
        await scene.start_broker()
        await scene.open()
        async with scene.fed():
            for number in range(trial.count):
                victim = trial.chance.choice(scene.workers)
                moment = trial.chance.choice((Doing.WORKING, Doing.WORKING, Doing.ANSWERING))
                if not await scene.catch(victim, moment):
                    outcome.hangs += 1
                    outcome.wrong.append(f"{victim.spec.name} got no work any more")
                    break
                await victim.child.kill()
                outcome.faults += 1
                stranger = f"{victim.spec.role}-{number}x" if trial.chance.random() < 0.5 else ""
                await scene.replace(victim, stranger)
        verdict = await scene.judge(outcome)
    outcome.recovered(verdict.longest_s)
    outcome.notes.append(f"{verdict.attempts_failed} attempts were taken back")
    if verdict.attempts_failed < outcome.faults // 4:
        outcome.wrong.append("the kills hardly ever hit a message in hand")
    return outcome
