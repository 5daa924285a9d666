/*
 * Types of the native API, made from its OpenAPI document. Not to be edited; to make it anew:
 * npx vitest run test/client/api-types.test.ts -u
 */

export interface paths {
    "/api/v1/blobs/{sha256}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["hasBlob"];
        put: operations["putBlob"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/costs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description An administrator sees all projects, others their own. Currencies are summed apart. */
        get: operations["listCosts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hosts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listHosts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hosts/{ref}/drain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["drainHost"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hosts/{ref}/remove": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["removeHost"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hosts/{ref}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["resumeHost"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listJobs"];
        put?: never;
        post: operations["submitJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["showJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description With `Accept: text/event-stream` the events follow as they come, until the job has ended. */
        get: operations["listEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/extend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["extendLimits"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/follow": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Server-sent events `bytes` {attempt, stream, offset, base64}, across attempts, until `end` {outcome}. `cursor` (also as Last-Event-ID) goes on where an earlier follower was. */
        get: operations["followLogs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listLogs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/logs/{attempt}/{stream}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description The stored bytes and nothing else. `Range: bytes=a-b` gives a part (206). */
        get: operations["readLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["pauseJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/priority": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["changePriority"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["resumeJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["retryJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["stopJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description What would become of this job if it were submitted now. Nothing is written. */
        post: operations["planJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pipelines": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listPipelines"];
        put?: never;
        post: operations["submitPipeline"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pipelines/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["showPipeline"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pipelines/{ref}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Answers a gate that waits for a person. */
        post: operations["answerGate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pipelines/{ref}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listPipelineEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pipelines/{ref}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Failed and skipped steps come again; completed ones are kept. */
        post: operations["resumePipeline"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pipelines/{ref}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["stopPipeline"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pools": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listPools"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pools/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["setPool"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/prices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listPrices"];
        put?: never;
        /** @description What is granted from now on costs this; what was granted before keeps its price. */
        post: operations["setPrice"];
        delete: operations["unsetPrice"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/queue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listQueue"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/quotas": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description With what is used of each. An administrator sees all, others those of their project. */
        get: operations["listQuotas"];
        put?: never;
        post: operations["setQuota"];
        delete: operations["unsetQuota"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/services": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listServices"];
        put?: never;
        /** @description Takes the JSON that deploys a service on PAI-EAS. The token in the answer is not shown again. */
        post: operations["createService"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/services/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["showService"];
        put?: never;
        post?: never;
        /** @description Stops its jobs and its front end, and drops what its queues hold. */
        delete: operations["deleteService"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listTokens"];
        put?: never;
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens/{id}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["revokeToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Attempt: {
            /** @description last checkpoint that was committed: declared, complete or quiet */
            checkpoint: string | null;
            clocks: components["schemas"]["Clocks"];
            /** @description null before it held anything */
            cost: components["schemas"]["Cost"] | null;
            devices: string[];
            endedAt: string | null;
            grantedAt: string | null;
            /** @description of several, that of rank 0 */
            host: string | null;
            /** @description running time that the attempt after it had to do again; null while none has gone on */
            lostMs: number | null;
            number: number;
            outcome: components["schemas"]["Outcome"] | null;
            /** @description process id of the training on its host; of several, that of rank 0 */
            pid: number | null;
            /** @enum {string} */
            provider: "local" | "eas" | "qianfan" | "modelarts" | "alayanew" | "facet";
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            queuedAt: string;
            /** @description of an attempt on several hosts; empty for one */
            ranks: components["schemas"]["Rank"][];
            /** @description of an attempt at another service */
            remote: components["schemas"]["RemoteRun"] | null;
            resumedFrom: string | null;
            setupCached: boolean;
            startedAt: string | null;
            stopCause: string | null;
        };
        Clocks: {
            /** @description milliseconds */
            pendingMs: number;
            /** @description milliseconds */
            queuedMs: number;
            /** @description milliseconds */
            runningMs: number;
            /** @description milliseconds */
            savingMs: number;
            /** @description milliseconds */
            setupMs: number;
        };
        Cost: {
            /** @description in that currency; null: no price */
            amount: number | null;
            attempts: number;
            /** @description null: no price was set when it was granted */
            currency: string | null;
            deviceHours: number;
            /** @description for work that had to be done again; null: not known, or no price */
            lostAmount: number | null;
            lostDeviceHours: number | null;
            /** @description attempts that still hold their devices, so that this is only so far */
            open: number;
        };
        CostRow: {
            /** @description in that currency; null: no price */
            amount: number | null;
            attempts: number;
            /** @description null: no price was set when it was granted */
            currency: string | null;
            deviceHours: number;
            /** @description null: jobs without that tag */
            key: string | null;
            /** @description for work that had to be done again; null: not known, or no price */
            lostAmount: number | null;
            lostDeviceHours: number | null;
            /** @description attempts that still hold their devices, so that this is only so far */
            open: number;
        };
        CreatedService: {
            /** Format: date-time */
            createdAt: string;
            /** @description as it was deployed, without tokens */
            description: {
                [key: string]: unknown;
            } | null;
            /** @description of its queues; null where it has none */
            endpoint: string | null;
            frontEnd: {
                /** @description of its web page */
                address: string | null;
                jobId: string;
                state: string;
            } | null;
            /** @description each runs one task at a time; running and waiting are tasks */
            instances: {
                /** @description a count */
                max: number;
                /** @description a count */
                min: number;
                /** @description a count */
                now: number;
                /** @description a count */
                running: number;
                /** @description a count */
                waiting: number;
            } | null;
            mounts: {
                folder: string;
                mountPath: string;
                readOnly: boolean;
            }[];
            name: string;
            /** @description keys of the description that nothing is made of */
            notUsed: string[];
            project: string;
            /** @description entries in each */
            queues: {
                /** @description a count */
                input: number;
                /** @description a count */
                sink: number;
            } | null;
            /** @description for the clients of its queues; shown this once */
            token: string | null;
            /**
             * @description service: a front end that stands alone
             * @enum {string}
             */
            type: "ScalableJobService" | "ScalableJob" | "service";
        };
        Event: {
            actor: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            at: string;
            attempt: number | null;
            data: {
                [key: string]: unknown;
            };
            jobId: string;
            seq: number;
            type: string;
        };
        GateStepInput: {
            approve: {
                /** @description what is asked */
                message?: string;
                /**
                 * @description what nobody having answered counts as
                 * @default deny
                 * @enum {string}
                 */
                onTimeout?: "deny" | "approve";
                /**
                 * @description how long it waits for a person
                 * @default 7d
                 */
                timeout?: string;
            };
            /** @description its failure stops nothing and does not make the pipeline fail */
            continueOnFailure?: boolean;
            /** @description steps that must be over before this one begins; one name or a list */
            needs?: string | string[];
            /** @description a condition, such as steps.evaluate.metrics.accuracy >= 0.9; without it: all needs were well */
            when?: string;
        };
        GroupOutcome: {
            message: string;
            /** @enum {string} */
            reason: "completed" | "failed" | "stopped" | "total_time_limit";
        };
        Host: {
            /** @description where the other hosts of an attempt reach it */
            address: string;
            /**
             * @description whether new attempts are placed there
             * @enum {string}
             */
            admission: "open" | "draining" | "removed";
            connected: boolean;
            /** @description cgroup and pid_namespace promise the whole tree, best_effort does not */
            containment: string;
            cpus: number;
            devices: {
                heldBy: {
                    attempt: number;
                    jobId: string;
                } | null;
                kind: string;
                memoryBytes: number | null;
                model: string;
                note: string | null;
                state: string;
                uuid: string;
            }[];
            diskFreeBytes: number;
            /** @description limits of a job that the host's kernel keeps; the others are only counted */
            enforces: {
                cpus: boolean;
                memory: boolean;
            };
            id: string;
            /** @description what its operator says of it */
            labels: {
                [key: string]: string;
            };
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            lastSeenAt: string;
            memoryBytes: number;
            name: string;
            pool: string;
            version: string;
        };
        Job: {
            /** @description number of the current attempt; 0 before the first */
            attempt: number;
            attempts: components["schemas"]["Attempt"][];
            backoffUntil: string | null;
            clocks: components["schemas"]["Clocks"];
            /** @description of all attempts, one entry for each currency */
            cost: components["schemas"]["Cost"][];
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            createdAt: string;
            createdBy: string;
            endedAt: string | null;
            /** @description the pipeline or sweep that it belongs to */
            group: components["schemas"]["JobGroup"] | null;
            id: string;
            name: string;
            /** @description of which 80 % have passed */
            nearLimits: components["schemas"]["NearLimit"][];
            outcome: components["schemas"]["Outcome"] | null;
            pool: string;
            /** @description place in the queue of the pool, 1 is next; null when not waiting there */
            position: number | null;
            priority: number;
            project: string;
            retryOf: string | null;
            spec: components["schemas"]["JobSpec"];
            /** @description in the queue of its pool; null when not waiting there */
            standing: components["schemas"]["Standing"] | null;
            startedAt: string | null;
            /** @enum {string} */
            state: "queued" | "pending" | "running" | "stopping" | "backoff" | "paused" | "ended";
            stopWanted: boolean;
            tags: {
                [key: string]: string;
            };
            /** @description in words, why it is not running */
            waitingFor: string | null;
        };
        JobGroup: {
            id: string;
            /** @description as which of its members: the name of the step, the number of the trial */
            key: string;
            /** @enum {string} */
            kind: "pipeline" | "sweep";
            name: string;
        };
        JobSpec: {
            /** @description jobs that must have ended before it asks for a device; it ends as dependency_failed where one did not complete */
            after?: {
                /** @description id, unique prefix of an id, or name */
                job: string;
                /**
                 * @description how it must have ended
                 * @default any
                 * @enum {string}
                 */
                outcome: "any" | "completed";
            }[];
            checkpoints: {
                /** @description whole ones, never fewer than two; default: all */
                keepLast?: number;
                /** @description a folder that every host of the pool sees; the job gets one of its own below it. Default: on the host */
                shared?: string;
            };
            /** @description a shell line, or the arguments of one program; qianfan, modelarts and facet need none */
            command?: string | string[];
            /** @default {} */
            env: {
                [key: string]: string;
            };
            image?: string;
            logs: {
                /**
                 * @description a size: 512MB, 16GB, 16GiB
                 * @default 10GB
                 */
                maxBytes: string;
            };
            name: string;
            /** @default default */
            pool: string;
            /**
             * @description 0–100, higher first
             * @default 50
             */
            priority: number;
            /**
             * @description where it runs; of a list the next is tried when one refuses, or has left it waiting too long
             * @default local
             */
            provider: ("local" | "eas" | "qianfan" | "modelarts" | "alayanew" | "facet") | (("local" | "eas" | "qianfan" | "modelarts" | "alayanew" | "facet") | {
                /** @enum {string} */
                name: "local" | "eas" | "qianfan" | "modelarts" | "alayanew" | "facet";
                /** @description how long it may leave the job waiting before the next is tried */
                queue?: string;
            })[];
            /** @description what one service needs, in that service's own words; docs/vendors.md lists it */
            providerOptions?: {
                [key: string]: {
                    [key: string]: unknown;
                };
            };
            resources: {
                /** @description counted when a host is chosen, and a limit where the host can enforce it; `anneal host list` says so */
                cpus?: number;
                /** @description devices held on each node; default 1. A host without GPUs gives CPU slots. 0: none, and no waiting for one */
                gpus?: number;
                gpuType?: string;
                /** @description counted when a host is chosen, and a limit where the host can enforce it */
                memory?: string;
                /**
                 * @description hosts that run it side by side, each with its own gpus, cpus and memory: all of them or none
                 * @default 1
                 */
                nodes: number;
            };
            /** @description default: host_lost and preempted are retried without counting, nothing else is */
            retry: {
                backoff: {
                    /** @default 2 */
                    factor: number;
                    /**
                     * @description a duration: 250ms, 90s, 15m, 2h, 1h30m, 3d
                     * @default 10s
                     */
                    initial: string;
                    /**
                     * @description a duration: 250ms, 90s, 15m, 2h, 1h30m, 3d
                     * @default 10m
                     */
                    max: string;
                };
                /** @description attempts in all, those retried for free not counted */
                maxAttempts?: number;
                /** @description further attempts allowed per reason; without it every reason that may be retried, up to maxAttempts */
                on?: {
                    [key: string]: number | {
                        attempts: number;
                        /** @description changes for each such retry: halve or double a number of `env`, or another value */
                        env: {
                            [key: string]: string;
                        };
                    };
                };
            };
            /** @default [] */
            secrets: string[];
            setup?: string;
            /** @default {} */
            tags: {
                [key: string]: string;
            };
            timeouts: {
                /**
                 * @description between SIGTERM and SIGKILL
                 * @default 30s
                 */
                grace: string;
                /** @description waiting for the first device */
                queue?: string;
                /** @description one attempt of the process; leads to a stop with grace */
                run?: string;
                /**
                 * @description a duration: 250ms, 90s, 15m, 2h, 1h30m, 3d
                 * @default 1h
                 */
                setup: string;
                /** @description without any log, metric or checkpoint */
                stall?: string;
                /** @description from the end of setup to the running process; default 15m on hosted providers */
                start?: string;
                /** @description the whole job, all attempts and waits */
                total?: string;
            };
            /** @default false */
            tty: boolean;
            /** @description the packed working directory, uploaded before; the CLI packs a path and fills this in */
            workdir?: {
                blob: string;
            };
        };
        JobSpecInput: {
            /** @description jobs that must have ended before it asks for a device; it ends as dependency_failed where one did not complete */
            after?: {
                /** @description id, unique prefix of an id, or name */
                job: string;
                /**
                 * @description how it must have ended
                 * @default any
                 * @enum {string}
                 */
                outcome?: "any" | "completed";
            }[];
            /** @default {} */
            checkpoints?: {
                /** @description whole ones, never fewer than two; default: all */
                keepLast?: number;
                /** @description a folder that every host of the pool sees; the job gets one of its own below it. Default: on the host */
                shared?: string;
            };
            /** @description a shell line, or the arguments of one program; qianfan, modelarts and facet need none */
            command?: string | string[];
            /** @default {} */
            env?: {
                [key: string]: string;
            };
            image?: string;
            /** @default {} */
            logs?: {
                /**
                 * @description a size: 512MB, 16GB, 16GiB
                 * @default 10GB
                 */
                maxBytes?: string;
            };
            name: string;
            /** @default default */
            pool?: string;
            /**
             * @description 0–100, higher first
             * @default 50
             */
            priority?: number;
            /**
             * @description where it runs; of a list the next is tried when one refuses, or has left it waiting too long
             * @default local
             */
            provider?: ("local" | "eas" | "qianfan" | "modelarts" | "alayanew" | "facet") | (("local" | "eas" | "qianfan" | "modelarts" | "alayanew" | "facet") | {
                /** @enum {string} */
                name: "local" | "eas" | "qianfan" | "modelarts" | "alayanew" | "facet";
                /** @description how long it may leave the job waiting before the next is tried */
                queue?: string;
            })[];
            /** @description what one service needs, in that service's own words; docs/vendors.md lists it */
            providerOptions?: {
                [key: string]: {
                    [key: string]: unknown;
                };
            };
            /** @default {} */
            resources?: {
                /** @description counted when a host is chosen, and a limit where the host can enforce it; `anneal host list` says so */
                cpus?: number;
                /** @description devices held on each node; default 1. A host without GPUs gives CPU slots. 0: none, and no waiting for one */
                gpus?: number;
                gpuType?: string;
                /** @description counted when a host is chosen, and a limit where the host can enforce it */
                memory?: string;
                /**
                 * @description hosts that run it side by side, each with its own gpus, cpus and memory: all of them or none
                 * @default 1
                 */
                nodes?: number;
            };
            /**
             * @description default: host_lost and preempted are retried without counting, nothing else is
             * @default {}
             */
            retry?: {
                /** @default {} */
                backoff?: {
                    /** @default 2 */
                    factor?: number;
                    /**
                     * @description a duration: 250ms, 90s, 15m, 2h, 1h30m, 3d
                     * @default 10s
                     */
                    initial?: string;
                    /**
                     * @description a duration: 250ms, 90s, 15m, 2h, 1h30m, 3d
                     * @default 10m
                     */
                    max?: string;
                };
                /** @description attempts in all, those retried for free not counted */
                maxAttempts?: number;
                /** @description further attempts allowed per reason; without it every reason that may be retried, up to maxAttempts */
                on?: {
                    [key: string]: number | {
                        attempts: number;
                        /** @description changes for each such retry: halve or double a number of `env`, or another value */
                        env: {
                            [key: string]: string;
                        };
                    };
                };
            };
            /** @default [] */
            secrets?: string[];
            setup?: string;
            /** @default {} */
            tags?: {
                [key: string]: string;
            };
            /** @default {} */
            timeouts?: {
                /**
                 * @description between SIGTERM and SIGKILL
                 * @default 30s
                 */
                grace?: string;
                /** @description waiting for the first device */
                queue?: string;
                /** @description one attempt of the process; leads to a stop with grace */
                run?: string;
                /**
                 * @description a duration: 250ms, 90s, 15m, 2h, 1h30m, 3d
                 * @default 1h
                 */
                setup?: string;
                /** @description without any log, metric or checkpoint */
                stall?: string;
                /** @description from the end of setup to the running process; default 15m on hosted providers */
                start?: string;
                /** @description the whole job, all attempts and waits */
                total?: string;
            };
            /** @default false */
            tty?: boolean;
            /** @description the packed working directory, uploaded before; the CLI packs a path and fills this in */
            workdir?: {
                blob: string;
            };
        };
        JobStepInput: {
            /** @description take over a completed step of an earlier pipeline that is the same */
            cache?: boolean;
            /** @default {} */
            checkpoints?: {
                /** @description whole ones, never fewer than two; default: all */
                keepLast?: number;
                /** @description a folder that every host of the pool sees; the job gets one of its own below it. Default: on the host */
                shared?: string;
            };
            /** @description a shell line, or the arguments of one program; qianfan, modelarts and facet need none */
            command?: string | string[];
            /** @description its failure stops nothing and does not make the pipeline fail */
            continueOnFailure?: boolean;
            /** @default {} */
            env?: {
                [key: string]: string;
            };
            /** @description one job for each item, which stands for {{item}} in texts, of a map {{item.KEY}} */
            forEach?: ((string | number | boolean) | {
                [key: string]: string | number | boolean;
            })[];
            image?: string;
            /** @description outputs of steps, which are needed by that */
            inputs?: {
                [key: string]: {
                    /** @description of its outputs; without it all of them */
                    path?: string;
                    step: string;
                };
            };
            /** @default {} */
            logs?: {
                /**
                 * @description a size: 512MB, 16GB, 16GiB
                 * @default 10GB
                 */
                maxBytes?: string;
            };
            /** @description steps that must be over before this one begins; one name or a list */
            needs?: string | string[];
            /** @default default */
            pool?: string;
            /**
             * @description 0–100, higher first
             * @default 50
             */
            priority?: number;
            /**
             * @description where it runs; of a list the next is tried when one refuses, or has left it waiting too long
             * @default local
             */
            provider?: ("local" | "eas" | "qianfan" | "modelarts" | "alayanew" | "facet") | (("local" | "eas" | "qianfan" | "modelarts" | "alayanew" | "facet") | {
                /** @enum {string} */
                name: "local" | "eas" | "qianfan" | "modelarts" | "alayanew" | "facet";
                /** @description how long it may leave the job waiting before the next is tried */
                queue?: string;
            })[];
            /** @description what one service needs, in that service's own words; docs/vendors.md lists it */
            providerOptions?: {
                [key: string]: {
                    [key: string]: unknown;
                };
            };
            /** @default {} */
            resources?: {
                /** @description counted when a host is chosen, and a limit where the host can enforce it; `anneal host list` says so */
                cpus?: number;
                /** @description devices held on each node; default 1. A host without GPUs gives CPU slots. 0: none, and no waiting for one */
                gpus?: number;
                gpuType?: string;
                /** @description counted when a host is chosen, and a limit where the host can enforce it */
                memory?: string;
                /**
                 * @description hosts that run it side by side, each with its own gpus, cpus and memory: all of them or none
                 * @default 1
                 */
                nodes?: number;
            };
            /**
             * @description default: host_lost and preempted are retried without counting, nothing else is
             * @default {}
             */
            retry?: {
                /** @default {} */
                backoff?: {
                    /** @default 2 */
                    factor?: number;
                    /**
                     * @description a duration: 250ms, 90s, 15m, 2h, 1h30m, 3d
                     * @default 10s
                     */
                    initial?: string;
                    /**
                     * @description a duration: 250ms, 90s, 15m, 2h, 1h30m, 3d
                     * @default 10m
                     */
                    max?: string;
                };
                /** @description attempts in all, those retried for free not counted */
                maxAttempts?: number;
                /** @description further attempts allowed per reason; without it every reason that may be retried, up to maxAttempts */
                on?: {
                    [key: string]: number | {
                        attempts: number;
                        /** @description changes for each such retry: halve or double a number of `env`, or another value */
                        env: {
                            [key: string]: string;
                        };
                    };
                };
            };
            /** @default [] */
            secrets?: string[];
            setup?: string;
            /** @default {} */
            tags?: {
                [key: string]: string;
            };
            /** @default {} */
            timeouts?: {
                /**
                 * @description between SIGTERM and SIGKILL
                 * @default 30s
                 */
                grace?: string;
                /** @description waiting for the first device */
                queue?: string;
                /** @description one attempt of the process; leads to a stop with grace */
                run?: string;
                /**
                 * @description a duration: 250ms, 90s, 15m, 2h, 1h30m, 3d
                 * @default 1h
                 */
                setup?: string;
                /** @description without any log, metric or checkpoint */
                stall?: string;
                /** @description from the end of setup to the running process; default 15m on hosted providers */
                start?: string;
                /** @description the whole job, all attempts and waits */
                total?: string;
            };
            /** @default false */
            tty?: boolean;
            /** @description a condition, such as steps.evaluate.metrics.accuracy >= 0.9; without it: all needs were well */
            when?: string;
            /** @description the packed working directory, uploaded before; the CLI packs a path and fills this in */
            workdir?: {
                blob: string;
            };
        };
        JobSummary: {
            /** @description number of the current attempt; 0 before the first */
            attempt: number;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            createdAt: string;
            endedAt: string | null;
            id: string;
            name: string;
            outcome: components["schemas"]["Outcome"] | null;
            pool: string;
            priority: number;
            project: string;
            startedAt: string | null;
            /** @enum {string} */
            state: "queued" | "pending" | "running" | "stopping" | "backoff" | "paused" | "ended";
            tags: {
                [key: string]: string;
            };
        };
        LogStream: {
            attempt: number;
            /** @description bytes stored */
            end: number;
            final: boolean;
            stream: string;
        };
        NearLimit: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            deadline: string;
            /** @enum {string} */
            limit: "queue" | "setup" | "start" | "run" | "total";
        };
        Outcome: {
            /** @description of the process, where known */
            exitCode?: number;
            message: string;
            /** @enum {string} */
            reason: "completed" | "process_failed" | "out_of_memory" | "stalled" | "setup_failed" | "queue_time_limit" | "start_time_limit" | "run_time_limit" | "total_time_limit" | "stopped" | "preempted" | "host_lost" | "host_disk_full" | "device_busy" | "exit_unknown" | "provider_rejected" | "provider_failed" | "provider_lost" | "provider_unknown" | "dependency_failed";
        };
        Pipeline: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            createdAt: string;
            createdBy: string;
            endedAt: string | null;
            id: string;
            /** @description in an order in which each stands behind those that it needs */
            members: components["schemas"]["Step"][];
            name: string;
            outcome: components["schemas"]["GroupOutcome"] | null;
            project: string;
            /** @enum {string} */
            state: "running" | "stopping" | "ended";
            /** @description how many are in which state */
            steps: {
                [key: string]: number;
            };
            stopWanted: boolean;
            totalDeadline: string | null;
        };
        PipelineSpecInput: {
            /**
             * @description false: no step is taken over, whatever it says
             * @default true
             */
            cache?: boolean;
            /**
             * @description fields of every step that runs a job
             * @default {}
             */
            defaults?: {
                [key: string]: unknown;
            };
            /**
             * @description steps that have a job at once
             * @default 1000
             */
            maxParallel?: number;
            name: string;
            steps: {
                [key: string]: components["schemas"]["JobStepInput"] | components["schemas"]["GateStepInput"] | components["schemas"]["PromoteStepInput"];
            };
            /** @default {} */
            timeouts?: {
                /** @description the whole pipeline; then its jobs are stopped */
                total?: string;
            };
        };
        PipelineSummary: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            createdAt: string;
            createdBy: string;
            endedAt: string | null;
            id: string;
            name: string;
            outcome: components["schemas"]["GroupOutcome"] | null;
            project: string;
            /** @enum {string} */
            state: "running" | "stopping" | "ended";
            /** @description how many are in which state */
            steps: {
                [key: string]: number;
            };
        };
        Plan: {
            /** @description the hosts of the pool could hold it */
            fits: boolean;
            /** @description where it would start at once; of several, that of rank 0 */
            host: string | null;
            /** @description where each rank would start at once */
            hosts: string[];
            largestHost: {
                cpus: number;
                devices: number;
                memoryBytes: number;
            } | null;
            /** @description in the queue of the pool; 1 is next */
            position: number;
            /** @description what runs out first */
            shortOf: ("hosts" | "devices" | "gpuType" | "cpus" | "memory")[];
            /** @description at the latest, by the limits of what runs now; null: nobody knows */
            startsBy: string | null;
        };
        Pool: {
            devices: number;
            free: number;
            hosts: number;
            name: string;
            /**
             * @description whether a job whose host is silent waits for it, or goes on elsewhere
             * @enum {string}
             */
            onSilence: "wait" | "fence";
            /** @description running jobs of lower priority give way to the head of the queue */
            preempts: boolean;
            waiting: number;
        };
        Price: {
            /** @description per device-hour */
            amount: number;
            currency: string;
            /** @enum {string} */
            kind: "pool" | "provider";
            name: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            since: string;
        };
        Problem: {
            code: string;
            detail: string;
            next?: string;
            problems?: {
                expected?: string;
                message: string;
                path: string;
                value?: unknown;
            }[];
            status: number;
            title: string;
            type: string;
        } & {
            [key: string]: unknown;
        };
        PromoteStepInput: {
            /** @description its failure stops nothing and does not make the pipeline fail */
            continueOnFailure?: boolean;
            /** @description steps that must be over before this one begins; one name or a list */
            needs?: string | string[];
            promote: {
                as: string;
                path?: string;
                step: string;
            };
            /** @description a condition, such as steps.evaluate.metrics.accuracy >= 0.9; without it: all needs were well */
            when?: string;
        };
        QueueEntry: {
            attempt: number;
            /** @description on each node */
            devices: number;
            jobId: string;
            name: string;
            nodes: number;
            position: number;
            priority: number;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            queuedAt: string;
        };
        Quota: {
            /** @description held at once; null: no limit */
            devices: number | null;
            /** @description null: all pools together */
            pool: string | null;
            project: string;
            /** @description jobs at once that have not ended */
            queued: number | null;
            /** @description attempts at once that hold a place on a host */
            running: number | null;
            used: {
                devices: number;
                queued: number;
                running: number;
            };
            /** @description who submits, as a job says it; null: all users together */
            user: string | null;
        };
        Rank: {
            devices: string[];
            /** @description in words, how it ended; null while it has not */
            end: string | null;
            endedAt: string | null;
            /** @description of its process, where known */
            exitCode: number | null;
            host: string;
            pid: number | null;
            rank: number;
            startedAt: string | null;
        };
        RemoteRun: {
            /** @description the service's id of the run; null until it has taken it */
            id: string | null;
            /** @description pages and results to look at */
            links: {
                [key: string]: string;
            };
            metrics: {
                [key: string]: unknown;
            };
            /** @description 0 to 1 */
            progress: number | null;
            status: string | null;
            /** @description why it cannot be reached, or will not do what it is asked, at present */
            trouble: string | null;
        };
        Service: {
            /** Format: date-time */
            createdAt: string;
            /** @description as it was deployed, without tokens */
            description: {
                [key: string]: unknown;
            } | null;
            /** @description of its queues; null where it has none */
            endpoint: string | null;
            frontEnd: {
                /** @description of its web page */
                address: string | null;
                jobId: string;
                state: string;
            } | null;
            /** @description each runs one task at a time; running and waiting are tasks */
            instances: {
                /** @description a count */
                max: number;
                /** @description a count */
                min: number;
                /** @description a count */
                now: number;
                /** @description a count */
                running: number;
                /** @description a count */
                waiting: number;
            } | null;
            mounts: {
                folder: string;
                mountPath: string;
                readOnly: boolean;
            }[];
            name: string;
            /** @description keys of the description that nothing is made of */
            notUsed: string[];
            project: string;
            /** @description entries in each */
            queues: {
                /** @description a count */
                input: number;
                /** @description a count */
                sink: number;
            } | null;
            /**
             * @description service: a front end that stands alone
             * @enum {string}
             */
            type: "ScalableJobService" | "ScalableJob" | "service";
        };
        ServiceDescriptionInput: {
            autoscaler?: {
                behavior?: {
                    onZero?: {
                        scaleDownGracePeriodSeconds?: number;
                    } & {
                        [key: string]: unknown;
                    };
                    scaleDown?: {
                        stabilizationWindowSeconds?: number;
                    } & {
                        [key: string]: unknown;
                    };
                } & {
                    [key: string]: unknown;
                };
                max?: number;
                min?: number;
                strategies?: {
                    avg_waiting_length?: number;
                } & {
                    [key: string]: unknown;
                };
            } & {
                [key: string]: unknown;
            };
            cloud?: {
                computing?: {
                    instance_type?: string;
                } & {
                    [key: string]: unknown;
                };
            } & {
                [key: string]: unknown;
            };
            containers?: ({
                env?: ({
                    name: string;
                    value: string;
                } & {
                    [key: string]: unknown;
                })[];
                image?: string;
                instance_type?: string;
                port?: number;
                script?: string;
            } & {
                [key: string]: unknown;
            })[];
            features?: {
                [key: string]: unknown;
            };
            front_end?: {
                env?: ({
                    name: string;
                    value: string;
                } & {
                    [key: string]: unknown;
                })[];
                image?: string;
                instance_type?: string;
                port?: number;
                script?: string;
            } & {
                [key: string]: unknown;
            };
            metadata: {
                cpu?: number;
                enable_webservice?: boolean;
                gpu?: number;
                instance?: number;
                /** @description MB */
                memory?: number;
                name?: string;
                /** @enum {string} */
                type?: "ScalableJobService" | "ScalableJob";
            } & {
                [key: string]: unknown;
            };
            name?: string;
            storage?: ({
                /** Format: starts_with */
                mount_path: string;
                oss: {
                    path: string;
                    readOnly?: boolean;
                } & {
                    [key: string]: unknown;
                };
                properties?: {
                    [key: string]: unknown;
                };
            } & {
                [key: string]: unknown;
            })[];
        } & {
            [key: string]: unknown;
        };
        Standing: {
            /** @description that it needs on each host */
            devices: number;
            /** @description hosts that have so many fitting devices free */
            hostsFree: number;
            /** @description fitting devices that are free on one host; of several, on each of as many */
            largestFreeBlock: number;
            /** @description hosts that it needs */
            nodes: number;
            pool: string;
            /** @description 1 is next */
            position: number;
            /** @description of reason quota: what keeps it from starting */
            quota: {
                /** @enum {string} */
                limit: "devices" | "running";
                max: number;
                pool: string | null;
                project: string;
                used: number;
                user: string | null;
            } | null;
            /** @enum {string} */
            reason: "no_host" | "withheld" | "never_fits" | "behind_others" | "not_enough_free" | "quota";
        };
        Step: {
            /** @description of a gate that waits for an answer: when its limit passes */
            asksUntil: string | null;
            endedAt: string | null;
            /** @description its newest */
            job: {
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                createdAt: string;
                endedAt: string | null;
                id: string;
                outcome: components["schemas"]["Outcome"] | null;
                startedAt: string | null;
                /** @enum {string} */
                state: "queued" | "pending" | "running" | "stopping" | "backoff" | "paused" | "ended";
            } | null;
            /** @description that it has had */
            jobs: number;
            /** @description the name of the step, and of a fan-out the item behind a dot */
            key: string;
            /** @enum {string} */
            kind: "job" | "approve" | "promote";
            needs: string[];
            /** @description why it failed or was skipped, or who answered */
            note: string | null;
            /** @enum {string} */
            state: "waiting" | "running" | "completed" | "failed" | "skipped";
            step: string;
            /** @description the pipeline whose job it has taken over instead of running one */
            takenFrom: string | null;
            when: string | null;
        };
        Token: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            createdAt: string;
            expiresAt: string | null;
            /** @description of role host: the one host that speaks with it, once it has */
            hostId: string | null;
            id: string;
            project: string;
            /** @enum {string} */
            role: "admin" | "user" | "viewer" | "host";
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    hasBlob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                sha256: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        exists: boolean;
                    };
                };
            };
            /** @description Default Response */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putBlob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                sha256: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        existed: boolean;
                        size: number;
                    };
                };
            };
            /** @description Default Response */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCosts: {
        parameters: {
            query?: {
                by?: string;
                limit?: number;
                /** @description what was held before does not count; default: from the beginning */
                since?: string;
                /** @description what was held after does not count; default: now */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        rows: components["schemas"]["CostRow"][];
                    };
                };
            };
            /** @description Default Response */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listHosts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        hosts: components["schemas"]["Host"][];
                    };
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    drainHost: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id or name of the host */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Host"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeHost: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id or name of the host */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Host"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeHost: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id or name of the host */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Host"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listJobs: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string;
                /** @description jobs of that pipeline or sweep: id, prefix of it, or name */
                group?: string;
                limit?: number;
                name?: string;
                state?: ("queued" | "pending" | "running" | "stopping" | "backoff" | "paused" | "ended") | ("queued" | "pending" | "running" | "stopping" | "backoff" | "paused" | "ended")[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        jobs: components["schemas"]["JobSummary"][];
                        next: string | null;
                    };
                };
            };
            /** @description Default Response */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    submitJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description the same key and body give the same job, however often it is sent */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobSpecInput"];
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    showJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id, unique prefix of an id, or name */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listEvents: {
        parameters: {
            query?: {
                after?: number;
                limit?: number;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        events: components["schemas"]["Event"][];
                        next: number | null;
                    };
                };
            };
            /** @description Default Response */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    extendLimits: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id, unique prefix of an id, or name */
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    queue?: string;
                    run?: string;
                    total?: string;
                };
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    followLogs: {
        parameters: {
            query?: {
                attempt?: number;
                cursor?: string;
                stream?: string;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listLogs: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        streams: components["schemas"]["LogStream"][];
                    };
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readLog: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                attempt: number;
                ref: string;
                stream: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description application/octet-stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description application/octet-stream */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            416: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pauseJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id, unique prefix of an id, or name */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changePriority: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id, unique prefix of an id, or name */
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description 0–100, higher first */
                    priority: number;
                };
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id, unique prefix of an id, or name */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    retryJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description the same key and body give the same job, however often it is sent */
                "idempotency-key"?: string;
            };
            path: {
                /** @description id, unique prefix of an id, or name */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    stopJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id, unique prefix of an id, or name */
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * @description no grace; and close the job of a silent host, whose devices are quarantined
                     * @default false
                     */
                    force?: boolean;
                } | null;
            };
        };
        responses: {
            /** @description Default Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    planJob: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobSpecInput"];
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Plan"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listPipelines: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: string;
                limit?: number;
                name?: string;
                state?: ("running" | "stopping" | "ended") | ("running" | "stopping" | "ended")[];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        next: string | null;
                        pipelines: components["schemas"]["PipelineSummary"][];
                    };
                };
            };
            /** @description Default Response */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    submitPipeline: {
        parameters: {
            query?: never;
            header?: {
                /** @description the same key and body give the same pipeline */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PipelineSpecInput"];
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pipeline"];
                };
            };
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pipeline"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            507: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    showPipeline: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id, unique prefix of an id, or name */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pipeline"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    answerGate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id, unique prefix of an id, or name */
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @default false */
                    deny?: boolean;
                    reason?: string;
                    /** @description without it the one gate that waits */
                    step?: string;
                } | null;
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pipeline"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listPipelineEvents: {
        parameters: {
            query?: {
                /** @description `seq` of the last entry seen */
                after?: number;
                limit?: number;
            };
            header?: never;
            path: {
                /** @description id, unique prefix of an id, or name */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        events: components["schemas"]["Event"][];
                    };
                };
            };
            /** @description Default Response */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumePipeline: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id, unique prefix of an id, or name */
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    pipeline?: components["schemas"]["PipelineSpecInput"];
                } | null;
            };
        };
        responses: {
            /** @description Default Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pipeline"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    stopPipeline: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description id, unique prefix of an id, or name */
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pipeline"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listPools: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        pools: components["schemas"]["Pool"][];
                    };
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setPool: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * @description what becomes of a job whose host is silent: it waits for it, or goes on elsewhere
                     * @enum {string}
                     */
                    onSilence?: "wait" | "fence";
                    /** @description running jobs of lower priority give way to the head of the queue */
                    preempts?: boolean;
                };
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pool"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listPrices: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        prices: components["schemas"]["Price"][];
                    };
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setPrice: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description per device-hour, to a millionth */
                    amount: number;
                    currency: string;
                    /** @enum {string} */
                    kind: "pool" | "provider";
                    /** @description of the pool, or of the provider */
                    name: string;
                };
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        prices: components["schemas"]["Price"][];
                    };
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    unsetPrice: {
        parameters: {
            query: {
                kind: "pool" | "provider";
                /** @description of the pool, or of the provider */
                name: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        prices: components["schemas"]["Price"][];
                    };
                };
            };
            /** @description Default Response */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listQueue: {
        parameters: {
            query?: {
                pool?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        entries: components["schemas"]["QueueEntry"][];
                        pool: string;
                    };
                };
            };
            /** @description Default Response */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listQuotas: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        quotas: components["schemas"]["Quota"][];
                    };
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setQuota: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description held at once */
                    devices?: number;
                    /** @description without it all pools together */
                    pool?: string;
                    project: string;
                    /** @description jobs at once that have not ended; more are refused at submit */
                    queued?: number;
                    /** @description attempts at once that hold a place on a host */
                    running?: number;
                    /** @description the id of a token, or who submitted as a job says it; without it all users of the project together */
                    user?: string;
                };
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        quotas: components["schemas"]["Quota"][];
                    };
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    unsetQuota: {
        parameters: {
            query: {
                /** @description without it all pools together */
                pool?: string;
                project: string;
                /** @description the id of a token, or who submitted as a job says it; without it all users of the project together */
                user?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        quotas: components["schemas"]["Quota"][];
                    };
                };
            };
            /** @description Default Response */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listServices: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        services: components["schemas"]["Service"][];
                    };
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createService: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ServiceDescriptionInput"];
            };
        };
        responses: {
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedService"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    showService: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Service"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteService: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        deleted: string;
                    };
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        tokens: components["schemas"]["Token"][];
                    };
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description until it expires; default never */
                    days?: number;
                    /** @default default */
                    project?: string;
                    /** @enum {string} */
                    role: "admin" | "user" | "viewer" | "host";
                };
            };
        };
        responses: {
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /**
                         * Format: date-time
                         * @description ISO 8601, UTC
                         */
                        createdAt: string;
                        expiresAt: string | null;
                        /** @description of role host: the one host that speaks with it, once it has */
                        hostId: string | null;
                        id: string;
                        project: string;
                        /** @enum {string} */
                        role: "admin" | "user" | "viewer" | "host";
                        /** @description shown this once */
                        secret: string;
                    };
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"];
                };
            };
            /** @description Default Response */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
            /** @description Default Response */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        version: string;
                    };
                };
            };
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        store: "ok";
                        /** @enum {string} */
                        temporal: "ok" | "away";
                    };
                };
            };
            /** @description Default Response */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
