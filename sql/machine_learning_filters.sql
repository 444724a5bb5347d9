-- machine_learning_filters: Keyword filters for experts in machine learning, and the primitives they are made of.
-- section: Keywords
--
-- These are muster's own; `study_filters` has those that the study published. `machine-learning` has words of the field,
-- `research` words of academic work, `not-business` none of the words of sales, recruiting and management. `strict` is
-- machine-learning and research, `broad` machine-learning and not-business, `both` all of these: the AND of the other
-- two, so an estimator drops it and says so. Ratings are made by
-- `keyword_filter(profiles, text, (SELECT list(f) FROM muster.machine_learning_filters() AS f))`; rows may be left out,
-- and lists changed.
--
-- columns:
--   annotator VARCHAR    name of the filter
--   any_of VARCHAR[]     some of these terms
--   all_of VARCHAR[][]   of each of these lists some term
--   none_of VARCHAR[]    none of these terms
-- example:
--   SELECT annotator, len(any_of) AS any_of, len(all_of) AS all_of, len(none_of) AS none_of, any_of[:3] AS first_terms
--   FROM muster.machine_learning_filters();
CREATE MACRO muster.main.machine_learning_filters() AS TABLE
WITH _muster_words AS (
    SELECT
        [
            'machine learning', 'deep learning', 'reinforcement learning', 'representation learning', 'transfer learning',
            'supervised learning', 'unsupervised learning', 'self-supervised', 'federated learning', 'statistical learning',
            'neural network', 'neural networks', 'neural net', 'neural nets', 'artificial intelligence', 'generative AI',
            'natural language processing', 'NLP', 'computer vision', 'image recognition', 'object detection',
            'speech recognition', 'machine translation', 'information retrieval', 'recommender systems',
            'recommendation systems', 'large language model', 'large language models', 'LLM', 'LLMs', 'language models',
            'transformer models', 'foundation models', 'diffusion models', 'generative models', 'graph neural networks',
            'convolutional', 'CNNs', 'LSTM', 'GANs', 'embeddings', 'fine-tuning', 'gradient boosting', 'XGBoost',
            'random forest', 'support vector machine', 'support vector machines', 'Bayesian inference', 'Gaussian process',
            'Gaussian processes', 'probabilistic models', 'PyTorch', 'TensorFlow', 'Keras', 'JAX', 'scikit-learn', 'sklearn',
            'Hugging Face', 'MLOps', 'ML engineer', 'ML research', 'apprentissage automatique', 'apprentissage profond',
            'maschinelles Lernen', 'aprendizaje automático', 'aprendizaje profundo'
        ] AS _muster_learning,
        [
            'PhD', 'Ph.D.', 'doctorate', 'doctoral', 'dissertation', 'thesis', 'postdoc', 'postdoctoral', 'Dr. rer. nat.',
            'paper', 'papers', 'publication', 'publications', 'published', 'first author', 'co-author', 'conference',
            'journal', 'preprint', 'arXiv', 'peer review', 'peer-reviewed', 'reviewer', 'citations',
            'research', 'researcher', 'research scientist', 'research engineer', 'research assistant', 'applied scientist',
            'professor', 'lecturer', 'laboratory', 'NeurIPS', 'NIPS', 'ICML', 'ICLR', 'CVPR', 'ICCV', 'ECCV', 'ACL', 'EMNLP',
            'NAACL', 'KDD', 'AAAI', 'IJCAI', 'AISTATS', 'UAI', 'JMLR', 'TMLR', 'Interspeech', 'SIGIR', 'RecSys',
            'doctorat', 'thèse', 'promoviert', 'Doktorarbeit', 'doctorado', 'tesis doctoral'
        ] AS _muster_research,
        [
            'sales', 'salesperson', 'account manager', 'account executive', 'key account', 'business development',
            'business developer', 'marketing', 'recruiter', 'recruiting', 'recruitment', 'talent acquisition',
            'headhunter', 'human resources', 'HR', 'customer success', 'customer service', 'public relations', 'procurement',
            'purchasing', 'accountant', 'accounting', 'auditor', 'lawyer', 'attorney', 'paralegal', 'real estate',
            'investor relations', 'venture capital', 'private equity', 'project manager', 'programme manager',
            'product manager', 'scrum master', 'office manager', 'event manager', 'brand manager', 'category manager',
            'pre-sales', 'copywriter', 'journalist', 'commercial director', 'chargé de recrutement', 'Vertrieb', 'ventas'
        ] AS _muster_business
),
_muster_filters AS (
    SELECT unnest([
        {annotator: 'machine-learning', any_of: _muster_learning, all_of: CAST([] AS VARCHAR[][]), none_of: CAST([] AS VARCHAR[])},
        {annotator: 'research', any_of: _muster_research, all_of: CAST([] AS VARCHAR[][]), none_of: CAST([] AS VARCHAR[])},
        {annotator: 'not-business', any_of: CAST([] AS VARCHAR[]), all_of: CAST([] AS VARCHAR[][]), none_of: _muster_business},
        {annotator: 'strict', any_of: CAST([] AS VARCHAR[]), all_of: [_muster_learning, _muster_research], none_of: CAST([] AS VARCHAR[])},
        {annotator: 'broad', any_of: _muster_learning, all_of: CAST([] AS VARCHAR[][]), none_of: _muster_business},
        {annotator: 'both', any_of: CAST([] AS VARCHAR[]), all_of: [_muster_learning, _muster_research], none_of: _muster_business}
    ]) AS _muster_row
    FROM _muster_words
)
SELECT unnest(_muster_row)
FROM _muster_filters;
