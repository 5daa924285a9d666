/*
 * Types of the native API, made from its OpenAPI document. Not to be edited; to make it anew:
 * npx vitest run test/client/api-types.test.ts -u
 */

export interface paths {
    "/api/v1/arrays": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description A job once for each index. Afterwards it is a sweep of method `array`. */
        post: operations["submitArray"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/arrays/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description What this array would run if it were submitted now. Nothing is written. */
        post: operations["planArray"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listArtifactNames"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["showArtifactName"];
        put?: never;
        post?: never;
        /** @description Takes a tag away, and with its last tag the version; or one version that has no tag. */
        delete: operations["removeArtifactName"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts/{name}/move": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["moveArtifactTag"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
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
    "/api/v1/jobs/{ref}/artifacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listArtifacts"];
        put?: never;
        post?: never;
        /** @description Removes outputs that nothing needs; their bytes go somewhat later. */
        delete: operations["removeArtifacts"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/artifacts/files/{*}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description The bytes of one file. `Range: bytes=a-b` gives a part (206); the ETag is the SHA-256. */
        get: operations["readArtifact"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/artifacts/promote": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["promoteArtifact"];
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
    "/api/v1/jobs/{ref}/metric-points": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Every point as it was reported, by name, then attempt: CSV with the columns name, attempt, step, time and value, or one JSON object in each line. */
        get: operations["exportMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{ref}/metrics/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description At most so many points of a metric, with every peak. Without `attempt` it is the continuous curve: of steps that a later attempt did again only the later ones. Steps from `from` until before `to`. */
        get: operations["readMetric"];
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
    "/api/v1/pipelines/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description What this pipeline would run if it were submitted now, by the same checks. Nothing is written. */
        post: operations["planPipeline"];
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
    "/api/v1/schedules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listSchedules"];
        put?: never;
        post: operations["createSchedule"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/schedules/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["showSchedule"];
        put?: never;
        post?: never;
        delete: operations["removeSchedule"];
        options?: never;
        head?: never;
        /** @description What is named of `schedule` changes, the rest stays; what it submits is replaced as a whole. */
        patch: operations["updateSchedule"];
        trace?: never;
    };
    "/api/v1/schedules/{ref}/backfill": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Submits every time of a span that no job stands for yet. Safe to repeat. */
        post: operations["backfillSchedule"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/schedules/{ref}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["pauseSchedule"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/schedules/{ref}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["resumeSchedule"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/schedules/{ref}/trigger": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Fires now, beside whatever runs. */
        post: operations["triggerSchedule"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/schedules/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description The next five times, and what would be submitted. Nothing is written. */
        post: operations["planSchedule"];
        delete?: never;
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
    "/api/v1/sweeps": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listSweeps"];
        put?: never;
        /** @description A job once for each trial, with the parameters of that trial. */
        post: operations["submitSweep"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["showSweep"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps/{ref}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Gives trials that have failed, or that a stop has kept from their end, a new job in the same sweep. */
        post: operations["resumeSweep"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps/{ref}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Stops its jobs and begins no other. Idempotent. */
        post: operations["stopSweep"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps/{ref}/trials": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listTrials"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps/{ref}/trials/{key}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["showTrial"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description What this sweep would run if it were submitted now. Nothing is written. */
        post: operations["planSweep"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description The newest version of each. */
        get: operations["listTemplates"];
        put?: never;
        post: operations["createTemplate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["showTemplate"];
        put?: never;
        post?: never;
        delete: operations["removeTemplate"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates/{ref}/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Submits a job made of a template, with overrides of fields that are not locked. */
        post: operations["submitTemplate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/templates/{ref}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Makes the next version. Those before stay as they are. */
        post: operations["updateTemplate"];
        delete?: never;
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
    "/api/v1/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listWebhooks"];
        put?: never;
        post: operations["createWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["showWebhook"];
        put?: never;
        post?: never;
        delete: operations["removeWebhook"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{ref}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Sends a message of no meaning; `showWebhook` tells what came of it. */
        post: operations["testWebhook"];
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
        ArraySpecInput: {
            /** @description a task for each; `{}` is the item then */
            items?: string[];
            /** @description a job description; its name comes from that of the whole, with the number behind it */
            job: {
                [key: string]: unknown;
            };
            /** @description when more than so many have failed, the rest is stopped; default: any number may fail */
            maxFailures?: number;
            name: string;
            /** @description webhooks of the project that are told of this, by their names; docs/notifications.md */
            notify?: (string | {
                /** @description of what; default: of what the webhook was added for */
                on?: ("ended" | "failed" | "limit_warning" | "gate")[];
                webhook: string;
            })[];
            /** @description indexes from, from + step, and so on up to `to` */
            range?: {
                from: number;
                /** @default 1 */
                step?: number;
                to: number;
            };
            /** @description indexes 0 to size - 1 */
            size?: number;
            /** @default {} */
            timeouts?: {
                /** @description the whole of it */
                total?: string;
            };
            /** @description jobs of it that wait or run at once; default twice the devices of the pool, from 16 to 256 */
            window?: number;
        };
        ArtifactName: {
            name: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            promotedAt: string;
            tags: {
                tag: string;
                version: number;
            }[];
            versions: number;
        };
        Artifacts: {
            attempt: number;
            /** @description those that have put something out */
            attempts: number[];
            bytes: number;
            /** @description what of the whole folder was left out, in words */
            cut: string[];
            entries: {
                /** @description permission bits */
                mode: number;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                modifiedAt: string;
                note: string | null;
                path: string;
                /** @description null: it is not kept, for the reason in note */
                sha256: string | null;
                /** @description bytes */
                size: number;
            }[];
            /** @description when they are removed but for what is needed; null: never by themselves */
            expiresAt: string | null;
            /** @description that are kept, on all pages */
            files: number;
            jobId: string;
            /** @description that were found and are not kept */
            leftOut: number;
            /** @description `after` of the next page */
            next: string | null;
            problem: string | null;
            /** @description null: nothing was written, or it has not ended */
            state: ("uploading" | "kept" | "failed") | null;
        };
        ArtifactVersion: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            at: string;
            attempt: number;
            by: string;
            bytes: number;
            files: number;
            jobId: string;
            /** @description of the file or folder; empty: all outputs */
            path: string;
            /** @description null: it is there */
            removedAt: string | null;
            version: number;
        };
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
        CreatedWebhook: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            createdAt: string;
            createdBy: string;
            /** @description given up */
            dead: number;
            /** @description the last twenty, newest first; none in a list */
            deliveries: components["schemas"]["Delivery"][];
            /** @description never taken, since too many waited */
            dropped: number;
            id: string;
            name: string | null;
            on: ("ended" | "failed" | "limit_warning" | "gate")[];
            /** @description it hears only of what names it */
            onlyNamed: boolean;
            pending: number;
            project: string;
            /** @description given this once, where none was sent */
            secret: string | null;
            /** @description without what may be secret in it */
            url: string;
        };
        Delivery: {
            attempts: number;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            createdAt: string;
            /** @description the same in each attempt, as webhook-id */
            id: string;
            lastError: string | null;
            /** @description of the next attempt */
            nextAt: string | null;
            /** @enum {string} */
            state: "pending" | "delivered" | "dead";
            type: string;
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
        Fire: {
            /**
             * Format: date-time
             * @description the time that it stands for, ISO 8601, UTC
             */
            at: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            decidedAt: string;
            /** @description the pipeline or sweep that was submitted */
            group: {
                id: string;
                /** @enum {string} */
                kind: "pipeline" | "sweep";
                /** @description how it has ended */
                reason: ("completed" | "failed" | "stopped" | "total_time_limit") | null;
                /** @enum {string} */
                state: "running" | "stopping" | "ended";
            } | null;
            jobId: string | null;
            jobState: string | null;
            /** @enum {string} */
            kind: "time" | "trigger" | "backfill";
            /** @description of the job, once it has ended */
            outcome: components["schemas"]["Outcome"] | null;
            /** @description in words, why it was skipped, waits or failed */
            reason: string | null;
            /** @enum {string} */
            state: "submitted" | "skipped" | "waiting" | "failed";
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
            /** @description of the outputs of the current attempt; null: none were written, or it has not ended */
            artifactsState: ("uploading" | "kept" | "failed") | null;
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
            /** @description what it takes from the outputs of other jobs */
            inputs: components["schemas"]["TakenInput"][];
            name: string;
            /** @description of which 80 % have passed */
            nearLimits: components["schemas"]["NearLimit"][];
            outcome: components["schemas"]["Outcome"] | null;
            pool: string;
            /** @description place in the queue of the pool, 1 is next; null when not waiting there */
            position: number | null;
            priority: number;
            /** @description null: it has said nothing of it */
            progress: components["schemas"]["Progress"] | null;
            project: string;
            retryOf: string | null;
            /** @description the schedule that submitted it */
            scheduleId: string | null;
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
            /** @description name@version of the template that it was made from */
            template: string | null;
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
            artifacts?: {
                /** @description then it is removed but for what is needed; default: the server’s */
                keepFor?: string;
                /** @description of what an attempt leaves in $ANNEAL_OUTPUT_DIR; default 100GB */
                maxBytes?: string;
            };
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
            /** @description instead of a command, for local, qianfan and facet; docs/finetune.md */
            finetune?: {
                /** @description a folder of the host, or an id of the hub */
                baseModel: string;
                dataset: {
                    evaluation?: string;
                    /** @enum {string} */
                    format?: "messages" | "prompt_completion" | "text" | "preference" | "prompts";
                    /** @description instead of evaluation: this part of the rows is kept for it */
                    holdOut?: number;
                    /** @description a file or folder of the host, or owner/name[:split] of the hub */
                    train: string;
                };
                evaluation?: {
                    steps?: number;
                    /** @enum {string} */
                    strategy?: "no" | "steps" | "epoch";
                };
                graders?: ({
                    name: string;
                    /** @enum {string} */
                    operation: "eq" | "ne" | "like" | "ilike";
                    referenceField: string;
                    /** @constant */
                    type: "string_check";
                } | {
                    embeddingModel?: string;
                    /** @enum {string} */
                    evaluationMetric: "fuzzy_match" | "bleu" | "gleu" | "meteor" | "cosine" | "rouge_1" | "rouge_2" | "rouge_3" | "rouge_4" | "rouge_5" | "rouge_l";
                    name: string;
                    referenceField: string;
                    /** @constant */
                    type: "text_similarity";
                } | {
                    /** @enum {string} */
                    functionName: "format_reward" | "count_xml" | "expression_accuracy" | "numerical_accuracy";
                    name: string;
                    parameters?: {
                        answerTag?: string;
                        thinkTag?: string;
                    };
                    /** @constant */
                    type: "built_in";
                } | {
                    model?: string;
                    name: string;
                    prompt: string;
                    range?: number[];
                    /** @constant */
                    type: "score_model";
                } | {
                    labels: string[];
                    model?: string;
                    name: string;
                    passingLabels: string[];
                    prompt: string;
                    /** @constant */
                    type: "label_model";
                } | {
                    model?: string;
                    name: string;
                    rules: string[];
                    /** @constant */
                    type: "ruler";
                })[];
                hyperparameters?: {
                    adamBeta1?: number;
                    adamBeta2?: number;
                    batchSize?: number;
                    beta?: number;
                    epochs?: number;
                    flashAttention?: boolean;
                    gradientAccumulation?: number;
                    gradientCheckpointing?: boolean;
                    learningRate?: number;
                    loggingSteps?: number;
                    maxGradNorm?: number;
                    maxLength?: number;
                    maxPromptLength?: number;
                    maxSteps?: number;
                    numGenerations?: number;
                    packing?: boolean;
                    paddingFree?: boolean;
                    saveLimit?: number;
                    saveSteps?: number;
                    /** @enum {string} */
                    saveStrategy?: "no" | "steps" | "epoch";
                    /** @enum {string} */
                    scheduler?: "linear" | "cosine" | "cosine_with_restarts" | "polynomial" | "constant" | "constant_with_warmup";
                    temperature?: number;
                    /** @description steps; below 1 a part of all */
                    warmup?: number;
                    weightDecay?: number;
                };
                lora?: {
                    alpha?: number;
                    dropout?: number;
                    rank?: number;
                };
                /** @enum {string} */
                method?: "sft" | "dpo" | "orpo" | "grpo";
                sample?: {
                    maxNewTokens?: number;
                    prompts: string[];
                };
                /** @enum {string} */
                save?: "adapter" | "merged";
                seed?: number;
                /** @enum {string} */
                tuning?: "full" | "lora" | "qlora";
            };
            image?: string;
            /** @description outputs of other jobs, each put at $ANNEAL_INPUT_DIR/<key> before the setup */
            inputs?: {
                [key: string]: {
                    /** @description id or name */
                    job: string;
                    /** @description a file or folder of it; default: all */
                    path?: string;
                } | {
                    artifact: string;
                    /** @description a file or folder of it; default: all */
                    path?: string;
                };
            };
            logs: {
                /**
                 * @description a size: 512MB, 16GB, 16GiB
                 * @default 10GB
                 */
                maxBytes: string;
            };
            name: string;
            /** @description webhooks of the project that are told of this, by their names; docs/notifications.md */
            notify?: (string | {
                /** @description of what; default: of what the webhook was added for */
                on?: ("ended" | "failed" | "limit_warning" | "gate")[];
                webhook: string;
            })[];
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
            artifacts?: {
                /** @description then it is removed but for what is needed; default: the server’s */
                keepFor?: string;
                /** @description of what an attempt leaves in $ANNEAL_OUTPUT_DIR; default 100GB */
                maxBytes?: string;
            };
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
            /** @description instead of a command, for local, qianfan and facet; docs/finetune.md */
            finetune?: {
                /** @description a folder of the host, or an id of the hub */
                baseModel: string;
                dataset: {
                    evaluation?: string;
                    /** @enum {string} */
                    format?: "messages" | "prompt_completion" | "text" | "preference" | "prompts";
                    /** @description instead of evaluation: this part of the rows is kept for it */
                    holdOut?: number;
                    /** @description a file or folder of the host, or owner/name[:split] of the hub */
                    train: string;
                };
                evaluation?: {
                    steps?: number;
                    /** @enum {string} */
                    strategy?: "no" | "steps" | "epoch";
                };
                graders?: ({
                    name: string;
                    /** @enum {string} */
                    operation: "eq" | "ne" | "like" | "ilike";
                    referenceField: string;
                    /** @constant */
                    type: "string_check";
                } | {
                    embeddingModel?: string;
                    /** @enum {string} */
                    evaluationMetric: "fuzzy_match" | "bleu" | "gleu" | "meteor" | "cosine" | "rouge_1" | "rouge_2" | "rouge_3" | "rouge_4" | "rouge_5" | "rouge_l";
                    name: string;
                    referenceField: string;
                    /** @constant */
                    type: "text_similarity";
                } | {
                    /** @enum {string} */
                    functionName: "format_reward" | "count_xml" | "expression_accuracy" | "numerical_accuracy";
                    name: string;
                    parameters?: {
                        answerTag?: string;
                        thinkTag?: string;
                    };
                    /** @constant */
                    type: "built_in";
                } | {
                    model?: string;
                    name: string;
                    prompt: string;
                    range?: number[];
                    /** @constant */
                    type: "score_model";
                } | {
                    labels: string[];
                    model?: string;
                    name: string;
                    passingLabels: string[];
                    prompt: string;
                    /** @constant */
                    type: "label_model";
                } | {
                    model?: string;
                    name: string;
                    rules: string[];
                    /** @constant */
                    type: "ruler";
                })[];
                hyperparameters?: {
                    adamBeta1?: number;
                    adamBeta2?: number;
                    batchSize?: number;
                    beta?: number;
                    epochs?: number;
                    flashAttention?: boolean;
                    gradientAccumulation?: number;
                    gradientCheckpointing?: boolean;
                    learningRate?: number;
                    loggingSteps?: number;
                    maxGradNorm?: number;
                    maxLength?: number;
                    maxPromptLength?: number;
                    maxSteps?: number;
                    numGenerations?: number;
                    packing?: boolean;
                    paddingFree?: boolean;
                    saveLimit?: number;
                    saveSteps?: number;
                    /** @enum {string} */
                    saveStrategy?: "no" | "steps" | "epoch";
                    /** @enum {string} */
                    scheduler?: "linear" | "cosine" | "cosine_with_restarts" | "polynomial" | "constant" | "constant_with_warmup";
                    temperature?: number;
                    /** @description steps; below 1 a part of all */
                    warmup?: number;
                    weightDecay?: number;
                };
                lora?: {
                    alpha?: number;
                    dropout?: number;
                    rank?: number;
                };
                /** @enum {string} */
                method?: "sft" | "dpo" | "orpo" | "grpo";
                sample?: {
                    maxNewTokens?: number;
                    prompts: string[];
                };
                /** @enum {string} */
                save?: "adapter" | "merged";
                seed?: number;
                /** @enum {string} */
                tuning?: "full" | "lora" | "qlora";
            };
            image?: string;
            /** @description outputs of other jobs, each put at $ANNEAL_INPUT_DIR/<key> before the setup */
            inputs?: {
                [key: string]: {
                    /** @description id or name */
                    job: string;
                    /** @description a file or folder of it; default: all */
                    path?: string;
                } | {
                    artifact: string;
                    /** @description a file or folder of it; default: all */
                    path?: string;
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
            name: string;
            /** @description webhooks of the project that are told of this, by their names; docs/notifications.md */
            notify?: (string | {
                /** @description of what; default: of what the webhook was added for */
                on?: ("ended" | "failed" | "limit_warning" | "gate")[];
                webhook: string;
            })[];
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
            artifacts?: {
                /** @description then it is removed but for what is needed; default: the server’s */
                keepFor?: string;
                /** @description of what an attempt leaves in $ANNEAL_OUTPUT_DIR; default 100GB */
                maxBytes?: string;
            };
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
            /** @description instead of a command, for local, qianfan and facet; docs/finetune.md */
            finetune?: {
                /** @description a folder of the host, or an id of the hub */
                baseModel: string;
                dataset: {
                    evaluation?: string;
                    /** @enum {string} */
                    format?: "messages" | "prompt_completion" | "text" | "preference" | "prompts";
                    /** @description instead of evaluation: this part of the rows is kept for it */
                    holdOut?: number;
                    /** @description a file or folder of the host, or owner/name[:split] of the hub */
                    train: string;
                };
                evaluation?: {
                    steps?: number;
                    /** @enum {string} */
                    strategy?: "no" | "steps" | "epoch";
                };
                graders?: ({
                    name: string;
                    /** @enum {string} */
                    operation: "eq" | "ne" | "like" | "ilike";
                    referenceField: string;
                    /** @constant */
                    type: "string_check";
                } | {
                    embeddingModel?: string;
                    /** @enum {string} */
                    evaluationMetric: "fuzzy_match" | "bleu" | "gleu" | "meteor" | "cosine" | "rouge_1" | "rouge_2" | "rouge_3" | "rouge_4" | "rouge_5" | "rouge_l";
                    name: string;
                    referenceField: string;
                    /** @constant */
                    type: "text_similarity";
                } | {
                    /** @enum {string} */
                    functionName: "format_reward" | "count_xml" | "expression_accuracy" | "numerical_accuracy";
                    name: string;
                    parameters?: {
                        answerTag?: string;
                        thinkTag?: string;
                    };
                    /** @constant */
                    type: "built_in";
                } | {
                    model?: string;
                    name: string;
                    prompt: string;
                    range?: number[];
                    /** @constant */
                    type: "score_model";
                } | {
                    labels: string[];
                    model?: string;
                    name: string;
                    passingLabels: string[];
                    prompt: string;
                    /** @constant */
                    type: "label_model";
                } | {
                    model?: string;
                    name: string;
                    rules: string[];
                    /** @constant */
                    type: "ruler";
                })[];
                hyperparameters?: {
                    adamBeta1?: number;
                    adamBeta2?: number;
                    batchSize?: number;
                    beta?: number;
                    epochs?: number;
                    flashAttention?: boolean;
                    gradientAccumulation?: number;
                    gradientCheckpointing?: boolean;
                    learningRate?: number;
                    loggingSteps?: number;
                    maxGradNorm?: number;
                    maxLength?: number;
                    maxPromptLength?: number;
                    maxSteps?: number;
                    numGenerations?: number;
                    packing?: boolean;
                    paddingFree?: boolean;
                    saveLimit?: number;
                    saveSteps?: number;
                    /** @enum {string} */
                    saveStrategy?: "no" | "steps" | "epoch";
                    /** @enum {string} */
                    scheduler?: "linear" | "cosine" | "cosine_with_restarts" | "polynomial" | "constant" | "constant_with_warmup";
                    temperature?: number;
                    /** @description steps; below 1 a part of all */
                    warmup?: number;
                    weightDecay?: number;
                };
                lora?: {
                    alpha?: number;
                    dropout?: number;
                    rank?: number;
                };
                /** @enum {string} */
                method?: "sft" | "dpo" | "orpo" | "grpo";
                sample?: {
                    maxNewTokens?: number;
                    prompts: string[];
                };
                /** @enum {string} */
                save?: "adapter" | "merged";
                seed?: number;
                /** @enum {string} */
                tuning?: "full" | "lora" | "qlora";
            };
            /** @description one job for each item of a list, or of a file that a step has put out; it stands for {{item}} in texts, of a map {{item.KEY}} */
            forEach?: ((string | number | boolean) | {
                [key: string]: string | number | boolean;
            })[] | {
                /**
                 * @description a longer list is refused
                 * @default 1000
                 */
                max?: number;
                /** @description a file of its outputs: a JSON array, or an item on each line */
                path: string;
                step: string;
            };
            image?: string;
            /** @description outputs of steps, which are needed by that, beside inputs as a job has them */
            inputs?: {
                [key: string]: {
                    /** @description of its outputs; without it all of them */
                    path?: string;
                    step: string;
                } | {
                    /** @description id or name */
                    job: string;
                    /** @description a file or folder of it; default: all */
                    path?: string;
                } | {
                    artifact: string;
                    /** @description a file or folder of it; default: all */
                    path?: string;
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
            /** @description webhooks of the project that are told of this, by their names; docs/notifications.md */
            notify?: (string | {
                /** @description of what; default: of what the webhook was added for */
                on?: ("ended" | "failed" | "limit_warning" | "gate")[];
                webhook: string;
            })[];
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
            /** @description null: it has said nothing of it */
            progress: components["schemas"]["Progress"] | null;
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
        MetricCurve: {
            /** @description epoch milliseconds */
            at: number[];
            attempts: number[];
            name: string;
            steps: (number | null)[];
            values: (number | ("NaN" | "Infinity" | "-Infinity"))[];
        };
        MetricList: {
            /** @description the job has ended, and all that its last attempt reported is here */
            final: boolean;
            progress: components["schemas"]["Progress"] | null;
            series: components["schemas"]["MetricSeries"][];
            /** @description what was not kept */
            skipped: {
                count: number;
                /** @enum {string} */
                why: "unreadable_line" | "long_line" | "log_bytes" | "bad_name" | "too_many_names" | "too_many_points";
            }[];
        };
        MetricSeries: {
            attempts: number[];
            /** @description points that are kept */
            count: number;
            /** @description points of each of these attempts */
            counts: number[];
            last: {
                attempt: number;
                /** @description null: none was given */
                step: number | null;
                value: number | ("NaN" | "Infinity" | "-Infinity");
            };
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            lastAt: string;
            max: {
                attempt: number;
                /** @description null: none was given */
                step: number | null;
                value: number;
            } | null;
            /** @description of the finite values; null: there is none */
            min: {
                attempt: number;
                /** @description null: none was given */
                step: number | null;
                value: number;
            } | null;
            name: string;
            /** @description of them NaN or infinite */
            notFinite: number;
            /** @description of them with a step that is not above all before in its attempt */
            outOfOrder: number;
            /** @enum {string} */
            source: "file" | "log" | "host" | "provider";
        };
        NamedArtifact: {
            /** @description what the name means now; null where it was asked without a tag and has no latest */
            current: components["schemas"]["ArtifactVersion"] | null;
            /** @description newest first */
            moves: {
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                at: string;
                by: string;
                tag: string;
                /** @description 0: taken away */
                version: number;
            }[];
            name: string;
            tags: {
                tag: string;
                version: number;
            }[];
            /** @description newest first */
            versions: components["schemas"]["ArtifactVersion"][];
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
        NewScheduleInput: {
            /** @description a job, as a JobSpec; its strings may have placeholders such as {{date}} */
            job?: {
                [key: string]: unknown;
            };
            name: string;
            /** @description a pipeline, as a PipelineSpec, with the same placeholders */
            pipeline?: {
                [key: string]: unknown;
            };
            schedule: components["schemas"]["TimingInput"];
            /** @description a sweep, as a SweepSpec, with the same placeholders beside those of its parameters */
            sweep?: {
                [key: string]: unknown;
            };
        };
        NewTemplateInput: {
            /** @description a job, as a JobSpec; its name is that of the template where it has none */
            job: {
                [key: string]: unknown;
            };
            /** @description fields that nobody may override, such as resources.gpus; default: those of the version before */
            locked?: string[];
            name: string;
        };
        NewWebhookInput: {
            /** @description by which jobs, pipelines and sweeps may name it */
            name?: string;
            on: ("ended" | "failed" | "limit_warning" | "gate")[];
            /**
             * @description it hears only of what names it
             * @default false
             */
            onlyNamed?: boolean;
            /** @description signs what is sent; made here where none is given */
            secret?: string;
            /**
             * Format: uri
             * @description http or https; not shown again, since it may be a secret
             */
            url: string;
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
        PipelinePlan: {
            maxParallel: number;
            /** @description the first 50, each behind those that it needs */
            members: {
                /** @description the file whose items it is run for, which nobody knows yet */
                forEach: string | null;
                /** @description null: it runs none */
                job: {
                    /** @description what would run, with everything put in; null: a fine-tune */
                    command: (string | string[]) | null;
                    /** @description of its job */
                    name: string;
                    /** @description what would become of it if it were submitted now, by itself */
                    plan: components["schemas"]["Plan"];
                } | null;
                /** @description the name of the step, and of a fan-out the item behind a dot */
                key: string;
                /** @enum {string} */
                kind: "job" | "approve" | "promote";
                needs: string[];
                when: string | null;
            }[];
            name: string;
            /** @description steps in all, with the items of those that are fanned out */
            size: number;
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
            /** @description webhooks of the project that are told of this, by their names; docs/notifications.md */
            notify?: (string | {
                /** @description of what; default: of what the webhook was added for */
                on?: ("ended" | "failed" | "limit_warning" | "gate")[];
                webhook: string;
            })[];
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
        Progress: {
            /** @description null: not known, or it does not run */
            secondsLeft: number | null;
            step: number;
            /** @description null: not known */
            total: number | null;
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
        Schedule: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            createdAt: string;
            createdBy: string;
            /** @description the last ones, newest first; in a list one of them */
            fires: components["schemas"]["Fire"][];
            id: string;
            /** @description a job, as a JobSpec; its strings may have placeholders such as {{date}} */
            job?: {
                [key: string]: unknown;
            };
            name: string;
            /** @description the next five times; none while it is paused */
            next: string[];
            /** @description null: it is not paused */
            pausedAt: string | null;
            /** @description a pipeline, as a PipelineSpec, with the same placeholders */
            pipeline?: {
                [key: string]: unknown;
            };
            project: string;
            schedule: components["schemas"]["Timing"];
            /** @description a sweep, as a SweepSpec, with the same placeholders beside those of its parameters */
            sweep?: {
                [key: string]: unknown;
            };
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            updatedAt: string;
        };
        SchedulePlan: {
            times: {
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                at: string;
                /** @description of what it would submit */
                name: string;
            }[];
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
            /** @description why it failed or was skipped; of a gate what it asks, then who answered */
            note: string | null;
            /** @enum {string} */
            state: "waiting" | "running" | "completed" | "failed" | "skipped";
            step: string;
            /** @description the pipeline whose job it has taken over instead of running one */
            takenFrom: string | null;
            when: string | null;
        };
        Sweep: {
            /** @description so far; null: no trial is worth anything yet */
            best: components["schemas"]["Trial"] | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            createdAt: string;
            createdBy: string;
            endedAt: string | null;
            id: string;
            /** @enum {string} */
            method: "grid" | "random" | "list" | "asha" | "array";
            metric: {
                /** @enum {string} */
                goal: "max" | "min";
                name: string;
                /** @enum {string} */
                value: "last" | "best";
            } | null;
            name: string;
            /** @description null while it has not ended */
            outcome: {
                message: string;
                /** @enum {string} */
                reason: "completed" | "failed" | "stopped" | "total_time_limit";
            } | null;
            project: string;
            /** @description trials */
            size: number;
            /** @enum {string} */
            state: "running" | "stopping" | "ended";
            /** @description how many are in which state */
            trials: {
                /** @description of them some may have been stopped */
                completed: number;
                failed: number;
                /** @description whose job waits for a device or for its next attempt */
                queued: number;
                running: number;
                /** @description that get no job any more, or whose job was stopped */
                skipped: number;
                /** @description of those completed: by the sweep, for their metric */
                stopped: number;
                /** @description without a job */
                waiting: number;
            };
            /** @description jobs at once; null: by the devices of the pool */
            window: number | null;
        };
        SweepPlan: {
            /** @enum {string} */
            method: "grid" | "random" | "list" | "asha" | "array";
            name: string;
            /** @description trials in all */
            size: number;
            /** @description the first 50 */
            trials: {
                /** @description what would run, with everything put in; null: a fine-tune */
                command: (string | string[]) | null;
                /** @description number of the trial, index of the task */
                key: string;
                /** @description of its job */
                name: string;
                parameters: {
                    [key: string]: number | string | boolean;
                };
                /** @description what would become of it if it were submitted now, by itself */
                plan: components["schemas"]["Plan"];
            }[];
            /** @description jobs that would wait or run at once */
            window: number;
        };
        SweepSpecInput: {
            asha?: {
                /** @description levels lie below it */
                maxStep?: number;
                /** @description the first level, where rungs are not given; each further is reduction times it */
                minStep?: number;
                /**
                 * @description at each level the best of so many go on
                 * @default 3
                 */
                reduction?: number;
                /** @description steps at which a trial is judged, rising */
                rungs?: number[];
            };
            /** @description a job description; its name comes from that of the whole, with the number behind it */
            job: {
                [key: string]: unknown;
            };
            /** @description of method list: the parameters of each trial */
            list?: {
                [key: string]: number | string | boolean;
            }[];
            /** @description when more than so many have failed, the rest is stopped; default: any number may fail */
            maxFailures?: number;
            /** @enum {string} */
            method: "grid" | "random" | "list" | "asha";
            metric?: {
                /** @enum {string} */
                goal: "max" | "min";
                /** @description as the job reports it */
                name: string;
                /**
                 * @description by which of its values a trial is judged: that reported last, or the best of all
                 * @default last
                 * @enum {string}
                 */
                value?: "last" | "best";
            };
            name: string;
            /** @description webhooks of the project that are told of this, by their names; docs/notifications.md */
            notify?: (string | {
                /** @description of what; default: of what the webhook was added for */
                on?: ("ended" | "failed" | "limit_warning" | "gate")[];
                webhook: string;
            })[];
            parameters?: {
                [key: string]: (number | string | boolean)[] | {
                    values: (number | string | boolean)[];
                } | {
                    max: number;
                    min: number;
                    /**
                     * @default linear
                     * @enum {string}
                     */
                    scale?: "linear" | "log";
                    /** @description only min, min + step, and so on; not beyond max */
                    step?: number;
                };
            };
            /**
             * @description the same seed draws the same trials
             * @default 0
             */
            seed?: number;
            stopWhen?: {
                /** @description of the metric: the sweep ends once a trial is as good as that */
                value: number;
            };
            /** @default {} */
            timeouts?: {
                /** @description the whole of it */
                total?: string;
            };
            /** @description of the methods random and asha: how many are drawn */
            trials?: number;
            /** @description jobs of it that wait or run at once; default twice the devices of the pool, from 16 to 256 */
            window?: number;
        };
        SweepSummary: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            createdAt: string;
            createdBy: string;
            endedAt: string | null;
            id: string;
            /** @enum {string} */
            method: "grid" | "random" | "list" | "asha" | "array";
            name: string;
            /** @description null while it has not ended */
            outcome: {
                message: string;
                /** @enum {string} */
                reason: "completed" | "failed" | "stopped" | "total_time_limit";
            } | null;
            project: string;
            /** @enum {string} */
            state: "running" | "stopping" | "ended";
        };
        TakenInput: {
            /** @description name and version that it was asked for by, such as support-bot@3 */
            artifact: string | null;
            /** @description null while that job has not ended */
            attempt: number | null;
            /** @description whose outputs they are */
            jobId: string;
            key: string;
            /** @description of the file or folder; empty: all outputs */
            path: string;
            /** @description why it will never come */
            problem: string | null;
            /** @enum {string} */
            state: "waiting" | "ready" | "failed";
        };
        Template: {
            /**
             * Format: date-time
             * @description of this version, ISO 8601, UTC
             */
            createdAt: string;
            createdBy: string;
            id: string;
            job: {
                [key: string]: unknown;
            };
            /** @description number of the newest version */
            latest: number;
            locked: string[];
            name: string;
            project: string;
            version: number;
        };
        Timing: {
            /**
             * @description times that were missed are made up for when they are no older than this
             * @default 1d
             */
            catchUp: string;
            /** @description minute hour day month weekday, such as 0 2 * * * */
            cron?: string;
            /** @description counted from the epoch, so 6h means 0, 6, 12 and 18 o’clock UTC */
            every?: string;
            /** @description moves every */
            offset?: string;
            /**
             * @description while the run before has not ended: skip, wait for it, stop it and wait, or run beside it
             * @default skip
             * @enum {string}
             */
            overlap: "skip" | "bufferOne" | "cancelOther" | "allowAll";
            /**
             * @description of cron, and of the dates in the description
             * @default UTC
             */
            timezone: string;
        };
        TimingInput: {
            /**
             * @description times that were missed are made up for when they are no older than this
             * @default 1d
             */
            catchUp?: string;
            /** @description minute hour day month weekday, such as 0 2 * * * */
            cron?: string;
            /** @description counted from the epoch, so 6h means 0, 6, 12 and 18 o’clock UTC */
            every?: string;
            /** @description moves every */
            offset?: string;
            /**
             * @description while the run before has not ended: skip, wait for it, stop it and wait, or run beside it
             * @default skip
             * @enum {string}
             */
            overlap?: "skip" | "bufferOne" | "cancelOther" | "allowAll";
            /**
             * @description of cron, and of the dates in the description
             * @default UTC
             */
            timezone?: string;
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
        Trial: {
            /** @description of that job */
            attempts: number;
            endedAt: string | null;
            /** @description of its newest job */
            jobId: string | null;
            /** @description that it has had */
            jobs: number;
            jobState: ("queued" | "pending" | "running" | "stopping" | "backoff" | "paused" | "ended") | null;
            /** @description number of the trial, index of the task */
            key: string;
            /** @description why it failed, was stopped or skipped */
            note: string | null;
            parameters: {
                [key: string]: number | string | boolean;
            };
            /** @description how that job ended */
            reason: ("completed" | "process_failed" | "out_of_memory" | "stalled" | "setup_failed" | "queue_time_limit" | "start_time_limit" | "run_time_limit" | "total_time_limit" | "stopped" | "preempted" | "host_lost" | "host_disk_full" | "device_busy" | "exit_unknown" | "provider_rejected" | "provider_failed" | "provider_lost" | "provider_unknown" | "dependency_failed") | null;
            startedAt: string | null;
            /** @enum {string} */
            state: "waiting" | "running" | "completed" | "failed" | "skipped";
            /** @description the sweep has stopped it: for its metric, or since no more was wanted */
            stopped: boolean;
            /** @description what it is worth, by the metric of the sweep */
            value: number | null;
        };
        Webhook: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            createdAt: string;
            createdBy: string;
            /** @description given up */
            dead: number;
            /** @description the last twenty, newest first; none in a list */
            deliveries: components["schemas"]["Delivery"][];
            /** @description never taken, since too many waited */
            dropped: number;
            id: string;
            name: string | null;
            on: ("ended" | "failed" | "limit_warning" | "gate")[];
            /** @description it hears only of what names it */
            onlyNamed: boolean;
            pending: number;
            project: string;
            /** @description without what may be secret in it */
            url: string;
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
    submitArray: {
        parameters: {
            query?: never;
            header?: {
                /** @description the same key and body give the same sweep, however often it is sent */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    array: components["schemas"]["ArraySpecInput"];
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
                    "application/json": components["schemas"]["Sweep"];
                };
            };
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sweep"];
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
    planArray: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    array: components["schemas"]["ArraySpecInput"];
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
                    "application/json": components["schemas"]["SweepPlan"];
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
        };
    };
    listArtifactNames: {
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
                        names: components["schemas"]["ArtifactName"][];
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
    showArtifactName: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description support-bot, support-bot:prod or support-bot@3 */
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
                    "application/json": components["schemas"]["NamedArtifact"];
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
        };
    };
    removeArtifactName: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description support-bot:prod or support-bot@3 */
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
                    "application/json": components["schemas"]["NamedArtifact"];
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
    moveArtifactTag: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description name and tag, such as support-bot:prod */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    version: number;
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
                    "application/json": components["schemas"]["NamedArtifact"];
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
    listArtifacts: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                after?: string;
                /** @description default: the last one */
                attempt?: number;
                limit?: number;
                /** @description only that file, or what is below that folder */
                under?: string;
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
                    "application/json": components["schemas"]["Artifacts"];
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
    removeArtifacts: {
        parameters: {
            query?: {
                /** @description default: the last one */
                attempt?: number;
                /** @description also what pipelines would take over from a step */
                force?: string;
                /** @description a file or folder; default: all outputs */
                path?: string;
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
                        attempt: number;
                        bytes: number;
                        files: number;
                        jobId: string;
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
    readArtifact: {
        parameters: {
            query?: {
                /** @description default: the last one */
                attempt?: number;
            };
            header?: never;
            path: {
                "*": string;
                /** @description id, unique prefix of an id, or name */
                ref: string;
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
            /** @description application/octet-stream */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
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
            /** @description Default Response */
            416: {
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
    promoteArtifact: {
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
                    /** @description name and tag, such as support-bot:prod */
                    as: string;
                    /** @description default: the last one */
                    attempt?: number;
                    /** @description a file or folder; default: all outputs */
                    path?: string;
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
                    "application/json": components["schemas"]["NamedArtifact"];
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
    exportMetrics: {
        parameters: {
            query: {
                attempt?: number;
                format: "csv" | "jsonl";
                /** @description only these */
                name?: string | string[];
                /** @description of one name and attempt: so many points that were read before are left out */
                skip?: number;
            };
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description text/csv or application/jsonl */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
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
    listMetrics: {
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
                    "application/json": components["schemas"]["MetricList"];
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
    readMetric: {
        parameters: {
            query?: {
                attempt?: number;
                from?: number;
                points?: number;
                to?: number;
            };
            header?: never;
            path: {
                name: string;
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
                    "application/json": components["schemas"]["MetricCurve"];
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
    planPipeline: {
        parameters: {
            query?: never;
            header?: never;
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
                    "application/json": components["schemas"]["PipelinePlan"];
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
    listSchedules: {
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
                        schedules: components["schemas"]["Schedule"][];
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
    createSchedule: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewScheduleInput"];
            };
        };
        responses: {
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Schedule"];
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
    showSchedule: {
        parameters: {
            query?: {
                fires?: number;
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
                    "application/json": components["schemas"]["Schedule"];
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
    removeSchedule: {
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
                    "application/json": components["schemas"]["Schedule"];
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
    updateSchedule: {
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
                    /** @description a job, as a JobSpec; its strings may have placeholders such as {{date}} */
                    job?: {
                        [key: string]: unknown;
                    };
                    /** @description a pipeline, as a PipelineSpec, with the same placeholders */
                    pipeline?: {
                        [key: string]: unknown;
                    };
                    schedule?: {
                        /** @description times that were missed are made up for when they are no older than this */
                        catchUp?: string;
                        /** @description minute hour day month weekday, such as 0 2 * * * */
                        cron?: string;
                        /** @description counted from the epoch, so 6h means 0, 6, 12 and 18 o’clock UTC */
                        every?: string;
                        /** @description moves every */
                        offset?: string;
                        /**
                         * @description while the run before has not ended: skip, wait for it, stop it and wait, or run beside it
                         * @enum {string}
                         */
                        overlap?: "skip" | "bufferOne" | "cancelOther" | "allowAll";
                        /** @description of cron, and of the dates in the description */
                        timezone?: string;
                    };
                    /** @description a sweep, as a SweepSpec, with the same placeholders beside those of its parameters */
                    sweep?: {
                        [key: string]: unknown;
                    };
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
                    "application/json": components["schemas"]["Schedule"];
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
        };
    };
    backfillSchedule: {
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
                    /** Format: date-time */
                    from: string;
                    /** Format: date-time */
                    to: string;
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
                        existed: number;
                        failed: number;
                        submitted: number;
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
    pauseSchedule: {
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
                    "application/json": components["schemas"]["Schedule"];
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
    resumeSchedule: {
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
                    "application/json": components["schemas"]["Schedule"];
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
    triggerSchedule: {
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
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fire"];
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
    planSchedule: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewScheduleInput"];
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SchedulePlan"];
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
    listSweeps: {
        parameters: {
            query?: {
                /** @description only arrays; otherwise only what is none */
                arrays?: string;
                /** @description `next` of the page before */
                cursor?: string;
                limit?: number;
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
                        sweeps: components["schemas"]["SweepSummary"][];
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
    submitSweep: {
        parameters: {
            query?: never;
            header?: {
                /** @description the same key and body give the same sweep, however often it is sent */
                "idempotency-key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    sweep: components["schemas"]["SweepSpecInput"];
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
                    "application/json": components["schemas"]["Sweep"];
                };
            };
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sweep"];
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
    showSweep: {
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
                    "application/json": components["schemas"]["Sweep"];
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
    resumeSweep: {
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
                     * @default all
                     * @enum {string}
                     */
                    which?: "failed" | "stopped" | "all";
                };
            };
        };
        responses: {
            /** @description Default Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        count: number;
                        sweep: components["schemas"]["Sweep"];
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
    stopSweep: {
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
                    "application/json": components["schemas"]["Sweep"];
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
    listTrials: {
        parameters: {
            query?: {
                /** @description `next` of the page before */
                cursor?: number;
                limit?: number;
                /** @description best: by what they are worth, the best first */
                order?: "number" | "best";
                state?: ("waiting" | "running" | "completed" | "failed" | "skipped") | ("waiting" | "running" | "completed" | "failed" | "skipped")[];
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
                        next: number | null;
                        trials: components["schemas"]["Trial"][];
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
    showTrial: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description number of the trial, index of the task */
                key: string;
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
                    "application/json": components["schemas"]["Trial"];
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
    planSweep: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    sweep: components["schemas"]["SweepSpecInput"];
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
                    "application/json": components["schemas"]["SweepPlan"];
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
        };
    };
    listTemplates: {
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
                        templates: components["schemas"]["Template"][];
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
    createTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewTemplateInput"];
            };
        };
        responses: {
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Template"];
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
        };
    };
    showTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description NAME, or NAME@VERSION */
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
                    "application/json": components["schemas"]["Template"];
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
        };
    };
    removeTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description NAME, or NAME@VERSION */
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
                    "application/json": components["schemas"]["Template"];
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
    submitTemplate: {
        parameters: {
            query?: never;
            header?: {
                "idempotency-key"?: string;
            };
            path: {
                /** @description NAME, or NAME@VERSION */
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * @description by place, such as { "env.LR": "0.2", "resources.gpus": 2 }; null takes a field away
                     * @default {}
                     */
                    set?: {
                        [key: string]: unknown;
                    };
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
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
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
    updateTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description NAME, or NAME@VERSION */
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description a job, as a JobSpec; its name is that of the template where it has none */
                    job: {
                        [key: string]: unknown;
                    };
                    /** @description fields that nobody may override, such as resources.gpus; default: those of the version before */
                    locked?: string[];
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
                    "application/json": components["schemas"]["Template"];
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
    listWebhooks: {
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
                        webhooks: components["schemas"]["Webhook"][];
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
    createWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewWebhookInput"];
            };
        };
        responses: {
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedWebhook"];
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
        };
    };
    showWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description name, id, or a unique prefix of the id */
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
                    "application/json": components["schemas"]["Webhook"];
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
    removeWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description name, id, or a unique prefix of the id */
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
                    "application/json": components["schemas"]["Webhook"];
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
    testWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description name, id, or a unique prefix of the id */
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
                    "application/json": {
                        id: string;
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
